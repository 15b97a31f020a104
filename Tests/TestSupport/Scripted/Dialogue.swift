/// What a scripted server has seen and said.
package struct Dialogue: Sendable {
    /// One thing that happened.
    package enum Event: Sendable, Hashable {
        /// A control connection was accepted.
        case accepted
        /// Its TLS handshake is complete.
        case secured
        /// A command came, without its line end; PASS without its argument.
        case command(String)
        /// A reply was sent, without its last line end.
        case reply(String)
        /// A data connection was accepted, and its handshake is complete.
        case dataOpened(isResumed: Bool)
        /// A data connection has ended after so many bytes of content.
        case dataClosed(bytes: Int)
        /// The control connection has ended.
        case closed
    }

    /// An event with its circumstances.
    package struct Entry: Sendable {
        /// The number of the control connection, from 0.
        package let connection: Int
        /// What happened.
        package let event: Event
        /// For commands: the number of the flight, from 0; a new one begins with the first command after a reply.
        package let flight: Int
        /// For commands: the number of the TLS record (or of the read, in clear) that brought its last byte, from 0.
        package let record: Int
    }

    /// Everything in its order.
    package internal(set) var entries: [Entry] = []

    /// The commands of a connection, or of all.
    package func commands(of connection: Int? = nil) -> [String] {
        entries.compactMap { entry in
            guard connection == nil || entry.connection == connection else { return nil }
            guard case .command(let line) = entry.event else { return nil }
            return line
        }
    }

    /// The verbs of a connection's commands, or of all.
    package func verbs(of connection: Int? = nil) -> [String] {
        commands(of: connection).map { String($0.prefix { $0 != " " }) }
    }

    /// The replies of a connection, or of all.
    package func replies(of connection: Int? = nil) -> [String] {
        entries.compactMap { entry in
            guard connection == nil || entry.connection == connection else { return nil }
            guard case .reply(let text) = entry.event else { return nil }
            return text
        }
    }

    /// The commands of a connection, grouped by what was sent without waiting for a reply in between.
    ///
    /// The number of groups is the number of round trips that the client waited for on this connection, greeting and handshakes
    /// apart. Only reliable with `ScriptedServerSettings.settling` above the time that the client takes between two writes.
    package func flights(of connection: Int = 0) -> [[String]] { group(connection) { $0.flight } }

    /// The commands of a connection, grouped by the TLS record that ended them.
    package func records(of connection: Int = 0) -> [[String]] { group(connection) { $0.record } }

    private func group(_ connection: Int, _ number: (Entry) -> Int) -> [[String]] {
        var result: [[String]] = []
        var last = -1
        for entry in entries where entry.connection == connection {
            guard case .command(let line) = entry.event else { continue }
            if number(entry) == last {
                result[result.count - 1].append(line)
            } else {
                result.append([line])
                last = number(entry)
            }
        }
        return result
    }
}

/// How many connections a scripted server has and had.
package struct ConnectionCounts: Sendable, Hashable {
    /// Control connections accepted so far.
    package internal(set) var control = 0
    /// Control connections open now.
    package internal(set) var openControl = 0
    /// The most control connections that were open at a time.
    package internal(set) var peakControl = 0
    /// Log-ins that succeeded.
    package internal(set) var logins = 0
    /// Data connections accepted so far.
    package internal(set) var data = 0
    /// Data connections open now.
    package internal(set) var openData = 0
    /// Data connections that resumed a session.
    package internal(set) var resumedData = 0
    /// Data connections that made a full handshake.
    package internal(set) var fullData = 0
    /// Passive ports that are open now.
    package internal(set) var openPorts = 0
}
