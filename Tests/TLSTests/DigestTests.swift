import Posix
import TLS
import Testing

@Suite("Checksums")
struct DigestTests {
    @Test(
        "known answers, in whatever pieces the bytes come",
        arguments: [
            (Digest.Algorithm.crc32, "cbf43926"), (.md5, "25f9e794323b453885f5181f1b624d0b"),
            (.sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (.sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
            (
                .sha512,
                "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274ad27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85"
            ),
        ])
    func knownAnswers(algorithm: Digest.Algorithm, expected: String) throws {
        let bytes = Array("123456789".utf8)
        for split in 0...bytes.count {
            let digest = try #require(Digest(algorithm))
            Array(bytes[..<split]).withRawSpan { digest.add($0) }
            Array(bytes[split...]).withRawSpan { digest.add($0) }
            let result = digest.finish()
            #expect(result.count == algorithm.byteCount)
            let text = result.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            #expect(text == expected)
        }
    }
}
