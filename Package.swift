// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]
let strictC: [CSetting] = [.enableWarning("all"), .treatAllWarnings(as: .error)]

// Each module imports only what stands below it.
let package = Package(
  name: "swift-pretrained",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Pretrained", targets: ["Pretrained"]),
    .library(name: "Reports", targets: ["Reports"]),
    .library(name: "FineTuning", targets: ["FineTuning"]),
    .library(name: "BERT", targets: ["BERT"]),
    .library(name: "WordPiece", targets: ["WordPiece"]),
    .library(name: "Fingerprints", targets: ["Fingerprints"]),
    .library(name: "ForeignFormats", targets: ["ForeignFormats"]),
    .library(name: "Serving", targets: ["Serving"]),
    .library(name: "ModelFiles", targets: ["ModelFiles"]),
    .library(name: "Hub", targets: ["Hub"]),
    .executable(name: "ckpt", targets: ["ckpt"]),
  ],
  // What not everybody wants to fetch, build or link: depend with `traits: []` to do without.
  traits: [
    .default(enabledTraits: ["Hub", "Serving"]),
    .trait(name: "Hub", description: "ckpt pulls from the Hugging Face Hub and pushes to it; needs libcurl."),
    .trait(name: "Serving", description: "The module Serving and `ckpt serve`; needs FlyingFox."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: [
    // The command: parses, prints, draws; nothing else prints.
    .executableTarget(
      name: "ckpt",
      dependencies: [
        "Pretrained", "Reports", "Fingerprints", "ForeignFormats",
        .target(name: "Hub", condition: .when(traits: ["Hub"])),
        .target(name: "Serving", condition: .when(traits: ["Serving"])),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    // What a run amounts to: TensorBoard's files, statistics, charts, probes, the page, the card.
    .target(
      name: "Reports",
      dependencies: [
        "Pretrained", "FineTuning", "WordPiece", "ForeignFormats", "ModelFiles", "CChecksums",
      ],
      swiftSettings: strict),
    // What a checkpoint is, in 32 bytes; apart from the rest, because only it needs a library of ciphers.
    .target(
      name: "Fingerprints",
      dependencies: ["Pretrained", "ModelFiles", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: strict),
    // A model behind HTTP; apart from the rest, because only it needs sockets.
    .target(
      name: "Serving",
      dependencies: [
        "Pretrained", "BERT", "WordPiece", "ModelFiles", "Tensors",
        .product(name: "FlyingSocks", package: "FlyingFox", condition: .when(traits: ["Serving"])),
      ],
      swiftSettings: strict),
    // Models from the Hugging Face Hub and to it; apart from the rest, because only it needs a library that speaks HTTP.
    .target(
      name: "Hub", dependencies: ["ModelFiles", "CCurl", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: strict),
    // The front door: opens folders, loads models, exports them.
    .target(
      name: "Pretrained",
      dependencies: [
        "FineTuning", "BERT", "WordPiece", "ForeignFormats", "ModelFiles", "RandomStreams", "Tensors",
        "CChecksums",
      ],
      swiftSettings: strict),
    // Data, splits, optimiser, schedule, trainer, metrics.
    .target(
      name: "FineTuning",
      dependencies: ["BERT", "WordPiece", "ModelFiles", "RandomStreams", "Tensors", "CKernels"],
      swiftSettings: strict),
    // Configuration, weight names, layers with their backward, heads.
    .target(
      name: "BERT", dependencies: ["ModelFiles", "RandomStreams", "Tensors", "CKernels"],
      swiftSettings: strict),
    // Text to ids; reads no files.
    .target(name: "WordPiece", dependencies: ["CWordPiece"], swiftSettings: strict),
    // The generators of torch and NumPy.
    .target(name: "RandomStreams", dependencies: ["CKernels"], swiftSettings: strict),
    // Memory, threads and the Swift face of the kernels.
    .target(name: "Tensors", dependencies: ["CKernels", "ModelFiles"], swiftSettings: strict),
    // PyTorch, TensorFlow 1, NumPy, GGUF and ONNX files, each as named tensors.
    .target(
      name: "ForeignFormats", dependencies: ["ModelFiles", "CChecksums", "CArchive"], swiftSettings: strict),
    // The Hugging Face layout: safetensors, config.json, vocab.txt, tokenizer.json, folders.
    .target(name: "ModelFiles", swiftSettings: strict),
    // C, libcurl loaded when it is first needed; its headers come from the distribution.
    .target(
      name: "CCurl", cSettings: strictC, linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    // C, the words of a text by the ids they had before; one reader for each instruction set.
    .target(name: "CWordPiece", cSettings: strictC),
    // C, libarchive likewise.
    .target(
      name: "CArchive", cSettings: strictC, linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]
    ),
    // C, checksums as fast as memory.
    .target(name: "CChecksums", cSettings: strictC),
    // C, one table of functions for each instruction set; OpenBLAS is loaded where it is faster or asked for.
    .target(
      name: "CKernels",
      cSettings: strictC + [.define("ACCELERATE_NEW_LAPACK", .when(platforms: [.macOS]))],
      linkerSettings: [
        .linkedFramework("Accelerate", .when(platforms: [.macOS])),
        .linkedLibrary("dl", .when(platforms: [.linux])),
      ]),

    .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles"], swiftSettings: strict),
    .testTarget(
      name: "ForeignFormatsTests", dependencies: ["ForeignFormats", "ModelFiles", "CChecksums"],
      swiftSettings: strict),
    .testTarget(
      name: "WordPieceTests", dependencies: ["WordPiece", "CWordPiece"], swiftSettings: strict),
    .testTarget(name: "RandomStreamsTests", dependencies: ["RandomStreams"], swiftSettings: strict),
    .testTarget(
      name: "TensorsTests", dependencies: ["Tensors", "CKernels", "CArchive"], swiftSettings: strict),
    .testTarget(
      name: "BERTLoadingTests", dependencies: ["BERT", "ModelFiles", "RandomStreams", "Tensors"],
      swiftSettings: strict),
    .testTarget(name: "BERTTests", dependencies: ["BERT", "ModelFiles", "Tensors"], swiftSettings: strict),
    .testTarget(
      name: "FineTuningDataTests", dependencies: ["FineTuning", "ModelFiles"], swiftSettings: strict),
    .testTarget(
      name: "FineTuningTests",
      dependencies: [
        "FineTuning", "BERT", "WordPiece", "ModelFiles", "RandomStreams", "Tensors", "CKernels",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "PretrainedTests",
      dependencies: ["Pretrained", "Fingerprints", "ForeignFormats", "BERT", "ModelFiles"],
      swiftSettings: strict),
    .testTarget(
      name: "ServingTests", dependencies: ["Serving", "Pretrained", "ModelFiles"], swiftSettings: strict),
    .testTarget(
      name: "ReportsTests",
      dependencies: ["Reports", "Pretrained", "FineTuning", "ForeignFormats", "ModelFiles", "CChecksums"],
      swiftSettings: strict),
    .testTarget(name: "HubTests", dependencies: ["Hub", "ModelFiles"], swiftSettings: strict),
    .testTarget(name: "CommandTests", dependencies: ["ckpt", "ModelFiles"], swiftSettings: strict),
    .testTarget(
      name: "ParityTests", dependencies: ["Pretrained", "FineTuning", "BERT", "ModelFiles"],
      swiftSettings: strict),
    .testTarget(
      name: "DocumentationTests",
      dependencies: [
        "Pretrained", "Reports", "Fingerprints", "FineTuning", "BERT", "WordPiece", "ForeignFormats",
        "ModelFiles", "Hub",
        .target(name: "Serving", condition: .when(traits: ["Serving"])),
      ],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
