import Settings
import Testing

/// How `-o` lists are split.
@Suite struct OptionSyntaxTests {
    @Test(
        "commas, escapes and quotes",
        arguments: [
            ("a", ["a"]), ("a,b=c", ["a", "b=c"]), (",a,,b,", ["a", "b"]), ("", []),
            ("a=b=c", ["a=b=c"]), ("a=", ["a="]), ("a=b\\,c,d", ["a=b,c", "d"]),
            ("a=b\\\\,c", ["a=b\\", "c"]),
            ("a=\\054x", ["a=,x"]), ("a=\\0540", ["a=,0"]), ("a=\\08", ["a=08"]), ("a=b\\", ["a=b\\"]),
            ("a=\"b,c\",d", ["a=b,c", "d"]), ("a=b\"c,d", ["a=b\"c", "d"]), ("a=\\\"b", ["a=\"b"]),
            ("a\\=b", ["a=b"]),
        ])
    func splitting(text: String, elements: [String]) throws {
        let found = try OptionElement.list(text).map { element in
            element.value.map { "\(element.name)=\($0)" } ?? element.name
        }
        #expect(found == elements)
    }

    @Test("an escaped byte may be any byte")
    func bytes() throws {
        let element = try #require(try OptionElement.list("a=\\377").first)
        #expect(ArgumentText.bytes(element.value ?? "") == [0xFF])
    }
}
