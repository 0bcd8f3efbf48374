// swift-tools-version: 6.2
import PackageDescription

// A package that is found by its path goes by the name of its folder, and a checkout may have any.
let checkout = String(Context.packageDirectory.split(separator: "/").dropLast(2).last ?? "swift-pretrained")
let library: [Target.Dependency] = ["Measuring", .product(name: "Pretrained", package: checkout)]

// A package of its own, so that users of the library never build it.
let package = Package(
  name: "bench",
  platforms: [.macOS(.v15)],
  dependencies: [.package(path: "../..")],
  targets: [
    // What the contestants share: options, shapes, timed calls.
    .target(name: "Measuring"),
    .executableTarget(name: "training-bench", dependencies: library),
    .executableTarget(name: "inference-bench", dependencies: library),
    .executableTarget(name: "tokenizer-bench", dependencies: library),
  ],
  swiftLanguageModes: [.v6]
)
