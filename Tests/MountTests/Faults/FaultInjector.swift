import Glibc
import Posix
import TestSupport

/// Makes faults at random on a relay, in a thread of its own.
///
/// To be stopped by whoever made it; the weather is fair then.
final class FaultInjector: Sendable {
    private let isStopping = Monitor(false)
    private let relay: FaultRelay
    private let thread: Confined<Thread>

    /// Begins; the seed decides what is tried, and the program under test what it meets.
    init(_ relay: FaultRelay, seed: UInt64) throws {
        self.relay = relay
        let isStopping = isStopping
        thread = Confined(
            try Thread(named: "injector") {
                var dice = Dice(seed: seed)
                while !isStopping.withLock({ $0 }) { Self.attempt(relay, &dice, isStopping) }
            })
    }

    /// Ends it and waits for that.
    func stop() {
        isStopping.update { $0 = true }
        thread.value.join()
        relay.disarm()
        relay.turn(.fair)
    }

    private static func attempt(_ relay: FaultRelay, _ dice: inout Dice, _ isStopping: Monitor<Bool>) {
        func pause(_ range: ClosedRange<Int>) {
            let limit = Deadline.after(.milliseconds(Int.random(in: range, using: &dice)))
            _ = isStopping.wait(until: limit) { $0 ? true : nil }
        }
        if Int.random(in: 0..<12, using: &dice) == 0 {
            relay.turn(
                [FaultRelay.Weather.refusing, .down, .down, .silent].randomElement(using: &dice) ?? .down)
            pause(20...400)
            relay.turn(.fair)
        } else {
            let effects = Fault.Effect.allCases
            // Those that cost the program's deadlines are fewer.
            var effect = effects.randomElement(using: &dice) ?? .reset
            if Fault.Effect.silent.contains(effect), Int.random(in: 0..<4, using: &dice) > 0 {
                effect = .reset
            }
            let path = FaultRelay.Path.all.randomElement(using: &dice) ?? FaultRelay.Path.all[0]
            relay.arm(
                Fault(
                    effect, path.channel, path.direction, at: .message(Int.random(in: 1...9, using: &dice))))
            pause(50...300)
        }
        pause(5...100)
    }
}

/// Runs the body while things go wrong at random.
func withFaults(on relay: FaultRelay, seed: UInt64, _ body: () throws -> Void) throws {
    let injector = try FaultInjector(relay, seed: seed)
    defer { injector.stop() }
    try body()
}
