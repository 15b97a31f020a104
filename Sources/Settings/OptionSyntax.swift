/// One element of an `-o` list.
package struct OptionElement: Sendable, Hashable {
    /// What stands before the first `=`.
    package let name: String
    /// What stands behind it, nil without a `=`.
    package let value: String?

    /// Puts an element together.
    package init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }

    /// The element as it stands in an `-o` list, so that `list` reads it as the same again.
    ///
    /// A value with commas is put in double quotes where it can be: mount(8) knows no backslashes.
    package var text: String {
        guard let value else { return Self.escaped(name, "=") }
        let isQuotable = value.unicodeScalars.contains(",") && !value.unicodeScalars.contains("\"")
        let quoted = isQuotable ? "\"\(value)\"" : Self.escaped(value, "")
        return "\(Self.escaped(name, "="))=\(quoted)"
    }

    private static func escaped(_ text: String, _ special: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let isSpecial = ",\\\"\(special)".unicodeScalars.contains(scalar)
            result += isSpecial ? "\\\(scalar)" : "\(scalar)"
        }
        return result
    }

    /// Splits an `-o` list at its commas.
    ///
    /// A backslash takes the meaning from the character behind it, and three octal digits behind one name a byte, as libfuse reads
    /// them. A value in double quotes keeps its commas, as mount(8) reads them. Empty elements count for nothing.
    package static func list(_ text: String) throws(SettingsError) -> [OptionElement] {
        var elements: [OptionElement] = []
        var reader = OptionReader(bytes: ArgumentText.bytes(text))
        while let element = try reader.next() {
            if let element { elements.append(element) }
        }
        return elements
    }
}

private struct OptionReader {
    let bytes: [UInt8]
    var index = 0
    var isDone = false

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The next element; an inner nil stands for an empty one, an outer nil for the end.
    mutating func next() throws(SettingsError) -> OptionElement?? {
        guard !isDone else { return .none }
        var name: [UInt8] = []
        var value: [UInt8]?
        while let (byte, isLiteral) = take() {
            switch byte {
            case UInt8(ascii: ",") where !isLiteral:
                return .some(element(name, value))
            case UInt8(ascii: "=") where !isLiteral && value == nil:
                value = try quoted(name) ?? []
            default:
                if value == nil { name.append(byte) } else { value?.append(byte) }
            }
        }
        isDone = true
        return .some(element(name, value))
    }

    private func element(_ name: [UInt8], _ value: [UInt8]?) -> OptionElement? {
        guard !name.isEmpty || value != nil else { return nil }
        return OptionElement(ArgumentText.text(name), value.map { ArgumentText.text($0) })
    }

    private mutating func take() -> (byte: UInt8, isLiteral: Bool)? {
        guard index < bytes.count else { return nil }
        let byte = bytes[index]
        index += 1
        guard byte == UInt8(ascii: "\\"), index < bytes.count else { return (byte, false) }
        if index + 2 < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "3")).contains(bytes[index]),
            let second = octal(bytes[index + 1]), let third = octal(bytes[index + 2])
        {
            let first = bytes[index] - UInt8(ascii: "0")
            index += 3
            return (first << 6 | second << 3 | third, true)
        }
        index += 1
        return (bytes[index - 1], true)
    }

    private func octal(_ byte: UInt8) -> UInt8? {
        (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) ? byte - UInt8(ascii: "0") : nil
    }

    /// The content of a value in double quotes that starts here, nil when none does.
    private mutating func quoted(_ name: [UInt8]) throws(SettingsError) -> [UInt8]? {
        let quote = UInt8(ascii: "\"")
        guard index < bytes.count, bytes[index] == quote else { return nil }
        guard let end = bytes[(index + 1)...].firstIndex(of: quote) else {
            let name = ArgumentText.printable(ArgumentText.text(name))
            throw SettingsError("the value of option '\(name)' has a double quote at its start alone")
        }
        let content = Array(bytes[(index + 1)..<end])
        index = end + 1
        return content
    }
}
