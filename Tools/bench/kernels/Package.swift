// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// A package of its own, so that users of the library never build it. The modules are links to those of the library and
// are built again within this package, so that what they declare for their own package is in reach.
let package = Package(
  name: "kernels",
  platforms: [.macOS(.v15)],
  targets: [
    .executableTarget(
      name: "kernels-bench", dependencies: ["CKernels", "Measuring", "ModelFiles", "Tensors", "WordPiece"],
      swiftSettings: settings),
    .target(name: "Measuring"),
    .target(name: "ModelFiles", swiftSettings: settings),
    .target(name: "WordPiece", dependencies: ["CWordPiece"], swiftSettings: settings),
    .target(name: "CWordPiece"),
    .target(name: "Tensors", dependencies: ["CKernels", "ModelFiles"], swiftSettings: settings),
    .target(
      name: "CKernels",
      cSettings: [.define("ACCELERATE_NEW_LAPACK", .when(platforms: [.macOS]))],
      linkerSettings: [
        .linkedFramework("Accelerate", .when(platforms: [.macOS])),
        .linkedLibrary("dl", .when(platforms: [.linux])),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
