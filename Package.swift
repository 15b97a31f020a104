// swift-tools-version: 6.3
import PackageDescription

let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Warnings are errors in the project's own checks only: a newer compiler must not break a user's build.
let strict: [SwiftSetting] =
    Context.environment["FTPSFS_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]

let house = common + [.strictMemorySafety()] + strict
let tests = common + strict

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "ftpsfs",
    products: [
        .executable(name: "ftpsfs", targets: ["ftpsfs"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CFUSE", pkgConfig: "fuse3", providers: [.apt(["libfuse3-dev"])]),
        .systemLibrary(name: "CLinux"),

        .target(name: "Posix", dependencies: ["CLinux", logging], swiftSettings: house),
        .target(name: "Remote", dependencies: ["Posix"], swiftSettings: house),
        .target(name: "TLS", dependencies: ["COpenSSL", "Posix"], swiftSettings: house),
        .target(name: "FTPWire", dependencies: ["Remote"], swiftSettings: house),
        .target(
            name: "FTPClient", dependencies: ["FTPWire", "TLS", "Posix", "Remote", logging],
            swiftSettings: house),
        .target(
            name: "FTPPool", dependencies: ["FTPClient", "FTPWire", "Posix", "Remote", logging],
            swiftSettings: house),
        .target(name: "VFS", dependencies: ["Remote", "Posix", logging], swiftSettings: house),
        .target(
            name: "FUSEAdapter", dependencies: ["CFUSE", "VFS", "Remote", "Posix", logging],
            swiftSettings: house),
        .target(name: "Settings", dependencies: ["Posix"], swiftSettings: house),
        .executableTarget(
            name: "ftpsfs",
            dependencies: [
                "FUSEAdapter", "Settings", "VFS", "FTPPool", "FTPClient", "FTPWire", "TLS", "Remote", "Posix",
                logging, argumentParser,
            ],
            swiftSettings: house),

        .target(
            name: "TestSupport", dependencies: ["COpenSSL", "Remote", "Posix"], path: "Tests/TestSupport",
            swiftSettings: tests),
        .testTarget(name: "PosixTests", dependencies: ["Posix", "TestSupport"], swiftSettings: tests),
        .testTarget(name: "RemoteTests", dependencies: ["Remote", "TestSupport"], swiftSettings: tests),
        .testTarget(name: "FTPWireTests", dependencies: ["FTPWire", "Remote"], swiftSettings: tests),
        .testTarget(name: "TLSTests", dependencies: ["TLS", "Posix", "TestSupport"], swiftSettings: tests),
        .testTarget(
            name: "FTPClientTests",
            dependencies: ["FTPClient", "FTPWire", "TLS", "Remote", "Posix", "TestSupport", logging],
            swiftSettings: tests),
        .testTarget(
            name: "FTPPoolTests",
            dependencies: ["FTPPool", "FTPClient", "FTPWire", "TLS", "Remote", "Posix", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "VFSTests", dependencies: ["VFS", "Remote", "Posix", "TestSupport"], swiftSettings: tests),
        .testTarget(
            name: "FUSEAdapterTests",
            dependencies: ["FUSEAdapter", "CFUSE", "VFS", "Remote", "Posix", "TestSupport"],
            swiftSettings: tests),
        .testTarget(name: "SettingsTests", dependencies: ["Settings", "Posix"], swiftSettings: tests),
        .testTarget(
            name: "MountTests", dependencies: ["TestSupport", "Posix", "ftpsfs"], swiftSettings: tests),
        .testTarget(name: "HouseTests", swiftSettings: tests),
    ]
)

// The fuzz targets (`make fuzz`) are built apart: the compiler's flags for them are of no use to other builds.
if Context.environment["FTPSFS_FUZZ"] != nil {
    package.targets += [
        .systemLibrary(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .executableTarget(
            name: "Fuzz", dependencies: ["CFuzzer", "FTPWire", "Settings", "Remote", "Posix"],
            path: "Tests/Fuzz", exclude: ["CFuzzer", "Corpus"], swiftSettings: tests),
    ]
}
