// swift-tools-version: 6.2
import PackageDescription

// What libFuzzer needs to know which way an input took: in the parsers, and nowhere else.
let watched: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"), .unsafeFlags(["-sanitize=fuzzer,address"]),
]
let watchedC: [CSetting] = [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])]

// A package of its own, so that users of the library never build it. The parsers' modules are links to those of the
// library and are built again within this package: with sanitizers, and with `package` declarations in reach.
//
// `Tools/fuzz/run` builds it, and names libFuzzer's runtime to the linker.
let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v15)],
  targets: [
    .executableTarget(
      name: "fuzz-parsers",
      dependencies: ["CFuzzing", "ForeignFormats", "ModelFiles", "Serving", "WordPiece", "CChecksums"],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error), .unsafeFlags(["-sanitize=address"]),
      ],
      linkerSettings: [.unsafeFlags(["-sanitize=address", "-use-ld=lld"]), .linkedLibrary("stdc++")]),
    .target(name: "CFuzzing"),
    .target(
      name: "ForeignFormats", dependencies: ["ModelFiles", "CChecksums", "CArchive"], swiftSettings: watched),
    .target(name: "ModelFiles", swiftSettings: watched),
    // Of the server, what reads and writes messages.
    .target(name: "Serving", dependencies: ["ModelFiles"], swiftSettings: watched),
    .target(name: "WordPiece", dependencies: ["CWordPiece"], swiftSettings: watched),
    .target(name: "CWordPiece", cSettings: watchedC),
    .target(name: "CChecksums", cSettings: watchedC),
    .target(name: "CArchive"),
  ],
  swiftLanguageModes: [.v6]
)
