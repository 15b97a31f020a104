import FTPWire
import Logging
import Posix

/// Preparing the next transfer while the session is idle, and taking the replies that nobody waits for.
///
/// Never a reason for an operation to fail: a port that does not come, or is gone when it is wanted, is asked for anew, and a server where
/// that happens repeatedly is left in peace.
extension Session {
    /// Whether commands may be sent ahead of replies that are still to come.
    package var takesFlights: Bool { configuration.shortcuts.contains(.pipelining) && software.takesFlights }

    /// How far the next transfer is prepared: 0 not at all, 1 a port is asked for, 2 it is connected to or being so.
    package var readiness: Int {
        guard let armedPort else { return 0 }
        return armedPort.isDialled ? 2 : 1
    }

    /// Whether ports may be asked for ahead.
    package var mayArm: Bool {
        configuration.shortcuts.contains(.arming) && configuration.active == nil && profile.facts.bearsArming
    }

    /// Asks for the port of the next transfer, without waiting for the answer.
    ///
    /// Does nothing where that was done, is not wanted, or has to wait for replies that are still to come: `attend` does it then.
    package func arm() {
        guard mayArm, armedPort == nil, isUsable, !control.owesCallers else { return }
        guard takesFlights || !control.isAwaitingReplies else { return wantsArming = true }
        wantsArming = false
        let command = passiveCommand
        do throws(FTPError) {
            try control.send([command], interruptible: false, concern: .nextPort)
            armedPort = ArmedPort(command)
        } catch {
            logger.debug("no port for the next transfer: \(error)")
        }
    }

    /// Asks for the port of the first transfer at the end of the flight that logs in, to a server that is known to take flights.
    ///
    /// Does nothing where no ports are asked for ahead.
    func armInFlight() throws(FTPError) {
        guard mayArm else { return }
        let command = passiveCommand
        try control.send([command], concern: .nextPort)
        armedPort = ArmedPort(command)
    }

    /// Whether replies are to come that nobody waits for, so that `attend` is to be called when the control connection is readable.
    package var awaitsAttention: Bool { isUsable && control.isAwaitingReplies }

    /// The control connection, for poll(2); -1 once closed.
    package var descriptor: CInt { control.descriptor }

    /// Takes the replies that have come, and goes on with what was to follow on them.
    ///
    /// Does not block.
    package func attend() {
        do throws(FTPError) {
            while try control.expectAvailable() != nil {}
            if wantsArming, !control.isAwaitingReplies { arm() }
        } catch {
            logger.debug("idle session has ended: \(error)")
        }
    }

    /// Takes a reply that concerns no caller.
    func noteLate(_ concern: ControlChannel.Concern, _ reply: Reply) {
        switch concern {
        case .caller: break
        case .completeTransfer(let verb):
            if !reply.isSuccess { logger.debug("\(verb) was complete, and yet: \(reply)") }
        case .nextPort: dialAhead(reply)
        }
    }

    private func dialAhead(_ reply: Reply) {
        guard let port = armedPort, port.reply == nil else { return }
        guard [227, 229].contains(reply.code) else {
            armedPort = nil
            noteArmingFailure(.refused(port.command.verb, reply))
            // What does not answer such a command was an answer to another one, and it is not known any more what the next one is.
            if !reply.isPermanentFailure, reply.code != 425 { control.breakOff() }
            return
        }
        // What is wrong with an address is said by the transfer that wants it.
        port.take(reply, try? beginDialling(address(in: reply, to: port.command)))
    }

    /// Gives out the port that was prepared, whose answer concerns the caller if it is still to come.
    func takeArmedPort() -> ArmedPort? {
        guard let port = armedPort else { return nil }
        armedPort = nil
        guard port.command == passiveCommand || port.reply == nil else { return nil }
        if port.reply == nil { control.claimPort() }
        return port
    }

    /// Drops the port that was prepared: the protection level it was asked for under is no more (pyftpdlib 2.2.0 begins with TLS, or without,
    /// as soon as it is connected to).
    ///
    /// Waits for its answer, if that is still to come.
    func dropArmedPort() throws(FTPError) {
        guard let port = takeArmedPort(), port.reply == nil else { return }
        _ = try finalReply()
    }

    /// Notes that a port asked for ahead was of no use.
    func noteArmingFailure(_ error: FTPError) {
        logger.debug("a port asked for ahead is of no use: \(error)")
        profile.update { $0.armingFailures += 1 }
        if !profile.facts.bearsArming { logger.info("no more ports are asked for ahead") }
    }
}
