import CFUSE
import Glibc
import Posix
import Testing

@testable import FUSEAdapter

@Suite("The greeting")
struct GreetingTests {
    private static func words(_ words: UInt32...) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
    }

    /// A header of 40 bytes, then version, read-ahead, flags.
    private static func request(opcode: UInt32 = 26, flags: UInt32) -> [UInt8] {
        words(56, opcode, 2, 0, 0, 0, 0, 0, 0, 0, 7, 45, 131072, flags)
    }

    private static func answer(error: UInt32 = 0, flags: UInt32) -> [UInt8] {
        words(32, error, 2, 0, 7, 31, 131072, flags)
    }

    /// Plays the kernel at one end of a pair of sockets; returns what it is answered.
    private func exchange(_ request: [UInt8], _ answer: [UInt8]) throws -> [UInt8] {
        var ends: [CInt] = [-1, -1]
        try #require(ftpsfs_message_pair(&ends) == 0)
        let kernel = FileDescriptor(owning: ends[0])
        let device = FileDescriptor(owning: ends[1])
        try #require(write(kernel.raw, request, request.count) == request.count)
        try Greeting.exchange(on: device.raw) { seen in
            #expect(seen == request)
            #expect(write(device.raw, answer, answer.count) == answer.count)
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(kernel.raw, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        return Array(buffer.prefix(max(0, count)))
    }

    @Test("flags that the kernel offers are asked for in addition to those of libfuse")
    func addition() throws {
        let answer = try exchange(Self.request(flags: .max), Self.answer(flags: 0x21))
        #expect(answer == Self.answer(flags: 0x21 | 1 << 18 | 1 << 28))
    }

    @Test("flags that the kernel does not offer are not asked for")
    func restraint() throws {
        let answer = try exchange(Self.request(flags: 1 << 18), Self.answer(flags: 0x21))
        #expect(answer == Self.answer(flags: 0x21 | 1 << 18))
    }

    @Test("a refusal stays as it is")
    func refusal() throws {
        let refusal = Self.words(16, UInt32(bitPattern: -71), 2, 0)
        #expect(try exchange(Self.request(flags: .max), refusal) == refusal)
    }

    @Test("another request than the first is an error")
    func otherRequest() {
        #expect(throws: Errno(EPROTO)) { try exchange(Self.request(opcode: 1, flags: 0), []) }
    }
}
