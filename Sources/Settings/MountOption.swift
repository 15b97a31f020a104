/// One option that may follow `-o`: the table of these is what parser, help and the manual's test are made of.
package struct MountOption: Sendable {
    /// The name the manual uses.
    package let name: String
    /// Other spellings of the same, known from other programs.
    package let aliases: [String]
    /// Whether a value follows, and what stands for it in the help.
    package let kind: Kind
    /// The value without the option, in words; empty when there is none.
    package let defaultText: String
    /// One line for the help; empty for options that are only accepted.
    package let help: String
    /// Puts the option into effect.
    let apply: @Sendable (inout ChosenOptions, OptionValue) throws(SettingsError) -> Void

    /// Whether a value follows the name.
    package enum Kind: Sendable, Hashable {
        /// None.
        case flag
        /// One is needed; the text stands for it in the help.
        case value(String)
        /// One may follow; the text stands for it in the help.
        case optionalValue(String)
    }

    /// Describes an option.
    init(
        _ name: String, _ kind: Kind, aliases: [String] = [], default defaultText: String = "",
        _ help: String,
        apply: @escaping @Sendable (inout ChosenOptions, OptionValue) throws(SettingsError) -> Void
    ) {
        self.name = name
        self.aliases = aliases
        self.kind = kind
        self.defaultText = defaultText
        self.help = help
        self.apply = apply
    }

    /// The option as it is written, with the placeholder of its value.
    package var synopsis: String {
        switch kind {
        case .flag: name
        case .value(let placeholder): "\(name)=\(placeholder)"
        case .optionalValue(let placeholder): "\(name)[=\(placeholder)]"
        }
    }

    /// Checks that a value is there, or is not, and puts the option into effect.
    func use(
        _ element: OptionElement, in chosen: inout ChosenOptions, _ surroundings: Surroundings
    ) throws(SettingsError) {
        switch (kind, element.value) {
        case (.flag, .some):
            throw SettingsError("option '\(element.name)' takes no value")
        case (.value(let placeholder), nil):
            throw SettingsError("option '\(element.name)' needs a value: \(element.name)=\(placeholder)")
        default: break
        }
        let value = OptionValue(
            option: element.name, text: element.value ?? "", surroundings: surroundings)
        try apply(&chosen, value)
    }
}

/// The table of all options.
package enum OptionTable {
    /// Options in the groups of the manual, in its order.
    package static let groups: [(title: String, options: [MountOption])] = [
        ("Connection", connection),
        ("TLS", protection),
        ("Credentials", credentials),
        ("Files", files),
        ("Caches", caches),
        ("Log", log),
        ("Spellings known from other programs", shorthands),
    ]

    /// Generic mount options that are accepted: some go to the kernel, the others mean nothing here.
    package static let accepted: [MountOption] = kernel + ignored

    /// Options that are recognised in order to say what to do instead.
    package static let refused: [MountOption] = refusals

    private static let byName: [String: MountOption] = {
        var table: [String: MountOption] = [:]
        for option in groups.flatMap(\.options) + accepted + refused {
            for name in [option.name] + option.aliases { table[name] = option }
        }
        return table
    }()

    /// The names of all options that have an effect, aliases included, in no order.
    package static var names: [String] {
        (groups.flatMap(\.options) + accepted).flatMap { [$0.name] + $0.aliases }
    }

    /// What a shell may complete behind `-o`: the names of the manual, with `=` where a value follows.
    package static var completions: [String] {
        groups.flatMap(\.options).map { option in
            if case .value = option.kind { option.name + "=" } else { option.name }
        }
    }

    /// Finds an option by one of its names; `x-` options belong to other programs and are all known.
    static func find(_ name: String) -> MountOption? {
        if let option = byName[name] { return option }
        return name.hasPrefix("x-") || name.hasPrefix("X-") ? foreign : nil
    }

    /// What to say about an option that is not in the table.
    static func unknown(_ element: OptionElement) -> SettingsError {
        let shown = ArgumentText.printable(element.name)
        guard let nearest = Spelling.nearest(to: element.name, among: names) else {
            return SettingsError("unknown option '\(shown)'; ftpsfs -h lists all options")
        }
        return SettingsError(
            nearest.isClose
                ? "unknown option '\(shown)': did you mean '\(nearest.name)'?"
                : "unknown option '\(shown)': the nearest known one is '\(nearest.name)'; ftpsfs -h lists all options"
        )
    }
}
