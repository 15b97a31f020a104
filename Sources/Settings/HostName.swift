/// Host names with letters beyond ASCII.
enum HostName {
    /// The name in the form of DNS, SNI and certificates: labels beyond ASCII become A-labels (RFC 5890 section 2.3.2.1).
    ///
    /// Letters are made lower-case one by one. What IDNA 2008 (RFC 5892) does not take as it stands is refused rather than mapped, and so
    /// are letters in two pieces, joiners and other letters that need a look at their neighbours: two spellings must not
    /// lead to two hosts. ASCII passes as it is.
    static func ascii(_ text: some StringProtocol) throws(SettingsError) -> String {
        guard text.unicodeScalars.contains(where: { !$0.isASCII }) else { return String(text) }
        var labels: [String] = []
        for label in text.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false) {
            guard let encoded = encoded(label) else {
                throw SettingsError(
                    "'\(ArgumentText.printable(text))' cannot be made a host name: write it in its xn-- form")
            }
            labels.append(encoded)
        }
        return labels.joined(separator: ".")
    }

    private static func encoded(_ label: some Sequence<Unicode.Scalar>) -> String? {
        let lower = label.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) }
        guard lower.contains(where: { !$0.isASCII }) else {
            return String(String.UnicodeScalarView(label))
        }
        guard lower.allSatisfy(isTaken), let first = lower.first, let last = lower.last else { return nil }
        // RFC 5891 section 4.2.3.
        guard first != "-", last != "-", !isMark(first),
            !(lower.count > 3 && lower[2] == "-" && lower[3] == "-")
        else { return nil }
        guard let punycode = Punycode.encode(lower) else { return nil }
        let result = "xn--" + punycode
        return result.utf8.count <= Punycode.maximumLength ? result : nil
    }

    /// Whether a letter may stand in a label by itself: letters, marks and digits that no normalisation or folding changes (RFC 5892
    /// sections 2.1 and 2.2), with its exceptions for sharp s and final sigma (section 2.6).
    private static func isTaken(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x2D, 0x30...0x39, 0x61...0x7A, 0xDF, 0x3C2: return true
        // Marks that make up one letter with the one before: there is a second spelling.
        case 0..<0x80, 0x300...0x36F, 0x653...0x655, 0x3099...0x309A, 0x1100...0x11FF: return false
        default: break
        }
        let properties = scalar.properties
        switch properties.generalCategory {
        case .lowercaseLetter, .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark, .decimalNumber:
            return !properties.changesWhenNFKCCaseFolded && !properties.isDefaultIgnorableCodePoint
        default:
            return false
        }
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        [.nonspacingMark, .spacingMark].contains(scalar.properties.generalCategory)
    }
}
