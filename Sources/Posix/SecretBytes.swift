import Glibc

/// Bytes nobody may see: a password.
///
/// They live in pages of their own that are kept out of swap and core files as far as the system allows, and are wiped when the
/// last reference goes. Nothing prints them: descriptions and mirrors show a placeholder.
@safe
package final class SecretBytes: @unchecked Sendable {
    // Unchecked: the pages are written in the initialiser alone, and only read afterwards.
    private let pages: UnsafeMutableRawBufferPointer
    /// How many bytes there are.
    package let count: Int

    /// Copies bytes into pages of their own; the source is left to its owner to wipe.
    package convenience init(copying bytes: Span<UInt8>) {
        unsafe self.init(capacity: bytes.count) { buffer in
            for index in bytes.indices {
                unsafe buffer[index] = bytes[index]
            }
            return bytes.count
        }
    }

    /// Copies the UTF-8 bytes of a text that is no secret by itself, as the customary password of anonymous log-ins.
    package convenience init(text: String) {
        let bytes = Array(text.utf8)
        self.init(copying: bytes.span)
    }

    /// Has `fill` write up to `capacity` bytes and say how many it wrote; the pages are wiped when it throws.
    package init<Failure: Error>(
        capacity: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        let page = max(4096, Int(sysconf(Int32(_SC_PAGESIZE))))
        let length = (max(capacity, 1) + page - 1) / page * page
        let address = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            fatalError("out of memory for a secret")
        }
        let pages = unsafe UnsafeMutableRawBufferPointer(start: address, count: length)
        unsafe Self.lock(pages)
        unsafe madvise(address, length, MADV_DONTDUMP)
        do {
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: pages[..<capacity])
            count = min(capacity, max(0, try unsafe fill(room)))
        } catch {
            unsafe Self.discard(pages)
            throw error
        }
        unsafe self.pages = unsafe pages
    }

    deinit {
        unsafe Self.discard(pages)
    }

    /// Keeps the bytes out of swap in this process too: a child process inherits memory, but no locks on it (mlock(2)).
    package func lock() {
        unsafe Self.lock(pages)
    }

    // Best effort, as keeping them out of core files is: a small RLIMIT_MEMLOCK is no reason to refuse a log-in.
    private static func lock(_ pages: UnsafeMutableRawBufferPointer) {
        guard let address = pages.baseAddress else { return }
        unsafe mlock(address, pages.count)
    }

    private static func discard(_ pages: UnsafeMutableRawBufferPointer) {
        guard let address = pages.baseAddress else { return }
        unsafe explicit_bzero(address, pages.count)
        unsafe munlock(address, pages.count)
        unsafe munmap(address, pages.count)
    }

    /// Whether there are no bytes.
    package var isEmpty: Bool { count == 0 }

    /// Lends the bytes for the length of a call; what the caller copies is the caller's to wipe.
    package func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the pages live as long as self, which the call keeps alive; `count` is within them.
        let used = unsafe UnsafeRawBufferPointer(rebasing: pages[..<count])
        let span = unsafe Span<UInt8>(_unsafeBytes: used)
        defer { withExtendedLifetime(self) {} }
        return try body(span)
    }

    /// Lends the bytes to whoever writes them.
    package func withRawSpan<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: bytes have no padding, so that all of the memory is initialised.
        try withBytes { (bytes) throws(Failure) in try body(unsafe bytes.bytes) }
    }

    /// A part of the bytes as a secret of its own; the range is cut to what there is.
    package func part(_ range: Range<Int>) -> SecretBytes {
        let range = range.clamped(to: 0..<count)
        return withBytes { bytes in SecretBytes(copying: bytes.extracting(range)) }
    }

    /// Whether a byte occurs in the secret.
    package func contains(_ byte: UInt8) -> Bool {
        withBytes { bytes in
            var found = false
            for index in bytes.indices where bytes[index] == byte { found = true }
            return found
        }
    }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A placeholder.
    package var description: String { "(secret)" }
    /// A placeholder.
    package var debugDescription: String { "(secret)" }
    /// A mirror without children.
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

extension SecretBytes {
    /// Makes a secret of the bytes `produce` hands to its argument, the first `length` of them.
    package convenience init(length: Int, _ produce: ((UInt8) -> Void) -> Void) {
        unsafe self.init(capacity: length) { buffer in
            var used = 0
            produce { byte in
                guard used < buffer.count else { return }
                unsafe buffer[used] = byte
                used += 1
            }
            return used
        }
    }
}
