import Glibc
package import Posix

/// A listening socket, on loopback unless another address is named, with a port that the system chose.
package final class TestListener: Sendable {
    private let descriptor: CInt
    /// The port to connect to.
    package let port: UInt16
    /// The address to connect to.
    package let address: SocketAddress

    /// Listens on an address of this machine.
    ///
    /// `backlog` connections and one may wait to be accepted, and what is sent to ask for more is dropped. Connections get a receive buffer of so
    /// many bytes, or of what the kernel takes for the least, where that is given.
    package init(on host: String = "127.0.0.1", backlog: CInt = 64, receiveBuffer: CInt? = nil) throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, var address = SocketAddress(numeric: host, port: 0) else {
            throw Errno.current
        }
        if var receiveBuffer {
            let size = socklen_t(MemoryLayout<CInt>.size)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, size)
        }
        var failed =
            address.withPointer { bind(descriptor, $0, $1) } != 0 || listen(descriptor, backlog) != 0
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                failed = failed || getsockname(descriptor, generic, &length) != 0
                if let bound = SocketAddress(copying: generic, length: length) { address = bound }
            }
        }
        self.descriptor = descriptor
        port = address.port
        self.address = address
        guard !failed else { throw Errno.current }
    }

    deinit {
        close(descriptor)
    }

    /// Waits for a connection; nil once stopped, or after so many milliseconds.
    package func accept(within milliseconds: CInt = -1) -> TestConnection? {
        while true {
            var slot = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&slot, 1, milliseconds)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return nil }
            let accepted = Glibc.accept(descriptor, nil, nil)
            if accepted >= 0 {
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                return TestConnection(owning: accepted)
            }
            guard errno == EINTR || errno == ECONNABORTED else { return nil }
        }
    }

    /// Makes `accept` return nil, now and later, and refuses connections from now on.
    package func stop() {
        shutdown(descriptor, CInt(SHUT_RDWR))
    }
}

/// A server that runs a closure on each connection, one after the other or several at a time, each on its own thread.
package final class TestServer: Sendable {
    private struct State {
        var threads: [Thread] = []
        var connections: [TestConnection] = []
        var errors: [String] = []
        var isStopping = false
    }

    private let listener: TestListener
    private let state = Monitor(State())

    /// The port to connect to.
    package var port: UInt16 { listener.port }
    /// The address to connect to.
    package var address: SocketAddress { listener.address }

    /// Starts to listen; the closure gets each connection with its number, from 0.
    package init(_ serve: @escaping @Sendable (TestConnection, Int) throws -> Void) throws {
        let listener = try TestListener()
        self.listener = listener
        let state = self.state
        let acceptor = try Thread(named: "test-accept") {
            var number = 0
            while let connection = listener.accept() {
                let current = number
                number += 1
                let worker = try? Thread(named: "test-serve") {
                    do { try serve(connection, current) } catch {
                        state.withLock { $0.errors.append("\(error)") }
                    }
                    connection.close()
                }
                state.withLock { state in
                    if let worker { state.threads.append(worker) }
                    state.connections.append(connection)
                    if state.isStopping { connection.interrupt() }
                }
            }
        }
        state.withLock { $0.threads.append(acceptor) }
    }

    /// What closures have thrown so far.
    package var errors: [String] { state.withLock { $0.errors } }

    /// Interrupts everything and waits for the threads; to be called once, always.
    package func stop() {
        let connections = state.withLock { state in
            state.isStopping = true
            return state.connections
        }
        listener.stop()
        for connection in connections { connection.interrupt() }
        while true {
            let threads = state.withLock { state in
                defer { state.threads = [] }
                for connection in state.connections { connection.interrupt() }
                return state.threads
            }
            if threads.isEmpty { return }
            for thread in threads { thread.join() }
        }
    }
}
