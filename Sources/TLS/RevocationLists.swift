import COpenSSL
import Glibc
import Posix

/// The revocation lists of a file, which are read again when the file has changed: lists live for days, mounts for months.
///
/// May be used from any thread.
final class RevocationLists: Sendable {
    private struct State {
        var lists: ListStack
        var stamp: [Int]
    }

    private let file: String
    private let state: Monitor<State>

    /// Reads the disk; throws `.configuration` where the file has no list in PEM form.
    init(file: String) throws(TLSError) {
        self.file = file
        let stamp = Self.stamp(of: file)
        state = Monitor(State(lists: try ListStack(file: file), stamp: stamp))
    }

    /// The lists as they are now; reads the disk.
    ///
    /// A file that has become useless changes nothing: the lists read before it count until they expire.
    var current: ListStack {
        let stamp = Self.stamp(of: file)
        let known = state.withLock { $0 }
        guard stamp != known.stamp, let lists = try? ListStack(file: file) else { return known.lists }
        state.withLock { $0 = State(lists: lists, stamp: stamp) }
        return lists
    }

    private static func stamp(of file: String) -> [Int] {
        var status = stat()
        guard unsafe stat(file, &status) == 0 else { return [] }
        return [
            Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec), Int(status.st_size),
            Int(truncatingIfNeeded: status.st_ino),
        ]
    }
}

/// Revocation lists in OpenSSL's form.
@safe
final class ListStack: @unchecked Sendable {
    // Unchecked: nothing changes after `init`, and OpenSSL locks what it caches in a list.
    private let stack: OpaquePointer

    fileprivate init(file: String) throws(TLSError) {
        ErrorQueue.clear()
        guard let source = unsafe BIO_new_file(file, "r") else {
            throw .configuration("the revocation lists '\(file)' cannot be read: \(ErrorQueue.drain().text)")
        }
        defer { unsafe BIO_free(source) }
        guard let stack = unsafe ftpsfs_crls_new() else { throw .configuration("out of memory") }
        unsafe self.stack = stack
        var count = 0
        while let list = unsafe PEM_read_bio_X509_CRL(source, nil, nil, nil) {
            guard unsafe ftpsfs_crls_push(stack, list) > 0 else {
                unsafe X509_CRL_free(list)
                throw .configuration("out of memory")
            }
            count += 1
        }
        let isEnd = ftpsfs_error_is_pem_end(ERR_peek_last_error()) == 1
        let words = ErrorQueue.drain().text
        guard isEnd, count > 0 else {
            throw .configuration("'\(file)' holds no revocation list in PEM form: \(words)")
        }
    }

    deinit {
        unsafe ftpsfs_crls_free(stack)
    }

    /// Has the verification to come look into these lists, which must live until `withdraw`.
    func lend(to store: OpaquePointer) {
        // OpenSSL asks for a list of each authority then; `isDispensable` lets those above the first go without.
        let flags = UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
        unsafe X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(store), flags)
        unsafe X509_STORE_CTX_set0_crls(store, stack)
    }

    /// Ends the loan.
    static func withdraw(from store: OpaquePointer) {
        unsafe X509_STORE_CTX_set0_crls(store, nil)
    }

    /// Whether what verification has met is no more than an authority above the first without a list of who has signed it.
    ///
    /// The last of the chain is trusted whoever has signed it; where that is not itself, OpenSSL takes it for the author of its author's list.
    static func isDispensable(_ store: OpaquePointer) -> Bool {
        let depth = unsafe X509_STORE_CTX_get_error_depth(store)
        guard depth > 0 else { return false }
        switch unsafe X509_STORE_CTX_get_error(store) {
        case X509_V_ERR_UNABLE_TO_GET_CRL:
            return true
        case X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
            return unsafe depth == ftpsfs_certificates_count(X509_STORE_CTX_get0_chain(store)) - 1
        default:
            return false
        }
    }
}
