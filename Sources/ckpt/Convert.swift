import ArgumentParser
import ModelFiles
import Pretrained

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a checkpoint in another format, with everything that belongs to it.",
    discussion: """
      IN is any checkpoint. OUT is a folder, or one file when its name ends as the format's files do (.safetensors, \
      .bin, .npz, .gguf, .ckpt, .onnx). The result is read back and compared, tensor by tensor, before it takes its \
      place.

      In patterns and rules, * stands for any characters. A rule is FROM=TO, or a file of rules, one a line. Patterns \
      and rules see canonical names: those of transformers.
      """)

  @Argument(help: .init("The model.", valueName: "in"))
  var input: String

  @Argument(help: .init("What to write.", valueName: "out"))
  var output: String

  @Option(
    help: .init(
      "safetensors, pytorch, npz, gguf, tf1 or onnx; by default as OUT's name says, else safetensors.",
      valueName: "format"))
  var to: String?

  @Option(
    help: .init(
      "The type of floating-point tensors: F32, F16, BF16 or F64; for GGUF also Q8_0 or Q4_0.",
      valueName: "type"))
  var dtype: String?

  @Option(help: .init("The most bytes of tensors in one file, such as 5GB or 200MB.", valueName: "size"))
  var shardSize: String?

  @Option(help: .init("A rule FROM=TO, or a file of rules; repeatable.", valueName: "rules"))
  var rename: [String] = []

  @Flag(help: "Apply the rules the other way round.")
  var invertRename = false

  @Option(help: .init("Take this away from names that begin with it.", valueName: "prefix"))
  var stripPrefix: String?

  @Option(help: .init("Write only tensors whose name matches; repeatable.", valueName: "pattern"))
  var only: [String] = []

  @Option(help: .init("Leave out tensors whose name matches; repeatable.", valueName: "pattern"))
  var exclude: [String] = []

  @Flag(help: "Keep the file's own names, constants and tied copies.")
  var keepNames = false

  @Flag(help: "Say what would be written, and write nothing.")
  var dryRun = false

  @Flag(help: "Replace what is there.")
  var force = false

  @Flag(help: "One JSON object.")
  var json = false

  @OptionGroup var access: AccessOption

  func validate() throws {
    if let to, Conversion.Target(rawValue: to) == nil {
      let known = Conversion.Target.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--to \(to): the formats are \(known).")
    }
  }

  func run() throws {
    let checkpoint = try Checkpoint(ModelSource.path(input), access: access.value)
    let target = to.flatMap(Conversion.Target.init(rawValue:))
    let conversion = try Conversion(
      checkpoint, to: target ?? Conversion.Target(destination: output) ?? .safetensors, at: output,
      options: options())
    if dryRun {
      try conversion.check(overwriting: force)
      let report = ConvertReport(conversion)
      if json { return try Terminal.print(report.planJSON.line) }
      for line in report.planLines { try Terminal.print(line) }
      return
    }
    let total = conversion.plan.byteCount * 2
    let meter = ByteMeter(total: total, label: "converting")
    let result = try conversion.run(overwriting: force) { done, _ in meter.show(done) }
    meter.clear()
    let report = ConvertReport(conversion)
    if json { return try Terminal.print(report.json(result).line) }
    for line in report.lines(result) { try Terminal.print(line) }
  }

  private func options() throws -> ConversionOptions {
    var options = ConversionOptions()
    if let dtype {
      let name = dtype.uppercased()
      let spellings = [
        "FLOAT32": "F32", "FP32": "F32", "FLOAT16": "F16", "FP16": "F16", "HALF": "F16",
        "BFLOAT16": "BF16", "FLOAT64": "F64", "FP64": "F64",
      ]
      let type = spellings[name] ?? name
      if type.hasPrefix("Q") {
        options.quantisation = type
      } else if let type = ElementType(rawValue: type),
        [.float32, .float16, .bfloat16, .float64].contains(type)
      {
        options.elementType = type
      } else {
        throw ValidationError(
          "--dtype \(dtype): F32, F16, BF16 and F64 are known, and Q8_0 and Q4_0 for GGUF.")
      }
    }
    options.maximumShardByteCount = try shardSize.map(Self.byteCount)
    for rule in rename {
      if rule.contains("=") {
        try options.renaming.add(rule)
      } else {
        let text = String(decoding: try FileSystem.read(rule, limit: 16 << 20), as: UTF8.self)
        try options.renaming.add(parsing: text)
      }
    }
    if invertRename { options.renaming = options.renaming.inverse }
    (options.strippedPrefix, options.only, options.excluding) = (stripPrefix, only, exclude)
    options.keepsNames = keepNames
    return options
  }

  /// A size in decimal units, as huggingface_hub reads it.
  private static func byteCount(_ text: String) throws -> Int {
    let units: [(String, Int)] = [
      ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000), ("B", 1), ("", 1),
    ]
    let upper = text.uppercased()
    for (unit, factor) in units where upper.hasSuffix(unit) {
      let digits = upper.dropLast(unit.count)
      if let number = Int(digits), number > 0,
        case let (product, overflow) = number.multipliedReportingOverflow(by: factor),
        !overflow
      {
        return product
      }
    }
    throw ValidationError("--shard-size \(text): write a number and a unit, such as 5GB or 200MB.")
  }
}
