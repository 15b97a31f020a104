import CFUSE
import Glibc
import Posix

/// The first request of the kernel, in which both sides agree on what they can do (FUSE_INIT, linux/fuse.h).
///
/// Older versions of libfuse leave flags out of the answer that matter here. So the answer is led through a pair of
/// sockets, where the flags are added, and only then goes to the kernel.
enum Greeting {
    /// What is asked for beyond libfuse's answer, where the kernel offers it.
    ///
    /// Without the first, one slow lookup would hold up all others in its directory. Without the second, the kernel asks for an
    /// extended attribute before each write; in exchange setuid bits are not taken off at a write, which is without
    /// danger where no program runs with them (`nosuid`).
    static let additional = UInt32(FUSE_PARALLEL_DIROPS) | UInt32(FUSE_HANDLE_KILLPRIV_V2)

    /// The kernel does not hand out requests to smaller buffers (FUSE_MIN_READ_BUFFER), and the first one is far smaller.
    private static let room = 16 << 10

    /// Reads the request, has it answered by `process`, which writes to `device`, and completes the answer.
    ///
    /// Throws EPROTO when what comes is no greeting.
    static func exchange(on device: CInt, _ process: (inout [UInt8]) -> Void) throws(Errno) {
        var request = [UInt8](repeating: 0, count: room)
        let count = try retrying { unsafe read(device, &request, request.count) }
        request.removeLast(request.count - count)
        guard number(at: 4, in: request) == UInt32(FUSE_INIT.rawValue) else { throw Errno(EPROTO) }
        var answer = try answer(to: &request, on: device, process)
        if let offered = number(at: 40 + 12, in: request) { add(offered & additional, to: &answer) }
        let written = try retrying { unsafe write(device, answer, answer.count) }
        guard written == answer.count else { throw Errno(EPROTO) }
    }

    /// Lets `device` stand for one end of a pair of sockets while the request is processed, and reads the answer at the other.
    private static func answer(
        to request: inout [UInt8], on device: CInt, _ process: (inout [UInt8]) -> Void
    ) throws(Errno) -> [UInt8] {
        var ends: [CInt] = [-1, -1]
        guard unsafe ftpsfs_message_pair(&ends) == 0 else { throw Errno.current }
        let near = FileDescriptor(owning: ends[0])
        let far = FileDescriptor(owning: ends[1])
        // The kernel ends the connection when the last descriptor of it goes; this one keeps it.
        let kept = FileDescriptor(owning: try retrying { dup(device) })
        try retrying { ftpsfs_redirect(device, near.raw) }
        process(&request)
        try retrying { ftpsfs_redirect(device, kept.raw) }
        var answer = [UInt8](repeating: 0, count: room)
        let count = try retrying { unsafe recv(far.raw, &answer, answer.count, CInt(MSG_DONTWAIT)) }
        answer.removeLast(answer.count - count)
        return answer
    }

    /// Adds flags to an answer, unless it is a refusal: a header of 16 bytes, then version (8 bytes), read-ahead (4), flags (4).
    static func add(_ flags: UInt32, to answer: inout [UInt8]) {
        guard number(at: 4, in: answer) == 0, let present = number(at: 16 + 12, in: answer) else { return }
        unsafe withUnsafeBytes(of: present | flags) { bytes in
            for index in 0..<4 { answer[16 + 12 + index] = unsafe bytes[index] }
        }
    }

    /// Reads four bytes as a number in this machine's order; nil beyond the end.
    private static func number(at offset: Int, in message: [UInt8]) -> UInt32? {
        guard message.count >= offset + 4 else { return nil }
        return unsafe message.withUnsafeBytes {
            unsafe $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        }
    }
}
