import Remote
import TestSupport
import Testing

@testable import VFS

extension UploadTests {
    @Test("an append of which nothing has arrived is not made to another client's version of the same size")
    func appendToAnother() throws {
        let fixture = try ContentFixture()
        fixture.server.put("/log", pattern(1000))
        let content = try fixture.open("/log")
        try content.put([1, 2, 3], at: 0, appends: true)
        fixture.store.fail(.append, with: .unreachable)
        #expect(failure(content, "/log") != nil)
        fixture.server.advance(seconds: 4)
        let other = pattern(1000, seed: 9)
        fixture.server.put("/log", other)
        guard case .remote(let error)? = failure(content, "/log") else {
            Issue.record("no error")
            return
        }
        #expect(error.kind == .changed)
        #expect(fixture.server.content("/log") == other)
    }
}
