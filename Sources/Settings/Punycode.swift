/// Punycode (RFC 3492), as far as a client needs it: the way from letters to ASCII.
package enum Punycode {
    // RFC 3492 section 5.
    private static let base = 36
    private static let smallestThreshold = 1
    private static let greatestThreshold = 26
    private static let initialBias = 72

    /// No label of a host name is longer, in any form (RFC 1035 section 2.3.4).
    package static let maximumLength = 63

    /// Encodes a text without any prefix (section 6.3); nil for one that is longer than a label can be.
    package static func encode(_ text: [Unicode.Scalar]) -> String? {
        guard text.count <= maximumLength else { return nil }
        // No more than 63 numbers below 0x110000: nothing here overflows.
        let numbers = text.map { Int($0.value) }
        let plain = numbers.filter { $0 < 0x80 }
        var result = plain.map { UInt8($0) }
        if !plain.isEmpty { result.append(UInt8(ascii: "-")) }
        var next = 0x80
        var delta = 0
        var bias = initialBias
        var handled = plain.count
        while handled < numbers.count {
            guard let smallest = numbers.filter({ $0 >= next }).min() else { return nil }
            delta += (smallest - next) * (handled + 1)
            next = smallest
            for number in numbers {
                if number < next { delta += 1 }
                guard number == next else { continue }
                result += digits(of: delta, bias)
                bias = adapted(delta, handled + 1, isFirst: handled == plain.count)
                delta = 0
                handled += 1
            }
            delta += 1
            next += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// A delta as an integer of variable length.
    private static func digits(of delta: Int, _ bias: Int) -> [UInt8] {
        var rest = delta
        var result: [UInt8] = []
        var position = base
        while true {
            let threshold = min(max(position - bias, smallestThreshold), greatestThreshold)
            guard rest >= threshold else { break }
            result.append(digit(threshold + (rest - threshold) % (base - threshold)))
            rest = (rest - threshold) / (base - threshold)
            position += base
        }
        return result + [digit(rest)]
    }

    private static func digit(_ value: Int) -> UInt8 {
        value < 26 ? UInt8(ascii: "a") + UInt8(value) : UInt8(ascii: "0") + UInt8(value - 26)
    }

    /// Bias adaptation (section 6.1), with its constants 700 (damp) and 38 (skew).
    private static func adapted(_ delta: Int, _ count: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / 700 : delta / 2
        delta += delta / count
        var position = 0
        while delta > (base - smallestThreshold) * greatestThreshold / 2 {
            delta /= base - smallestThreshold
            position += base
        }
        return position + (base - smallestThreshold + 1) * delta / (delta + 38)
    }
}
