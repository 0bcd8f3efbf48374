// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that users of the library never build it.
let package = Package(
  name: "bench",
  platforms: [.macOS(.v15)],
  dependencies: [.package(path: "../..")],
  targets: [
    .executableTarget(
      name: "training-step-bench",
      dependencies: [.product(name: "Pretrained", package: "swift-pretrained")])
  ],
  swiftLanguageModes: [.v6]
)
