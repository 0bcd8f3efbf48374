public import ArgumentParser
public import Pretrained

/// Where labelled texts come from.
struct SourceOptions: ParsableArguments {
  /// Data sets that need no file.
  enum BuiltIn: String, ExpressibleByArgument, CaseIterable { case iris }

  @Option(help: ArgumentHelp("A built-in data set.", valueName: "name"))
  var dataset: BuiltIn?

  @Option(help: ArgumentHelp("A CSV, TSV or JSON Lines file.", valueName: "file"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The column of the text, or a template such as '{sepal length (cm)} {sepal width (cm)}'.",
      valueName: "column-or-template"))
  var text: String?

  @Option(help: ArgumentHelp("The same for the second text, for pairs.", valueName: "column-or-template"))
  var textPair: String?

  @Option(help: ArgumentHelp("The column of the label.", valueName: "column"))
  var label: String?

  func validate() throws {
    if dataset != nil && data != nil {
      throw ValidationError("--dataset and --data exclude each other; give one")
    }
    if data != nil { try requireColumns() }
  }

  func requireColumns() throws {
    if text == nil || label == nil {
      throw ValidationError("a data file needs --text COLUMN-OR-TEMPLATE and --label COLUMN")
    }
  }

  /// Reads a file with the columns that were named.
  ///
  /// - Parameter labelNames: the labels to map onto; nil numbers those of the file.
  func read(_ path: String, labelNames: [String]? = nil) throws -> TextDataset {
    try TextDataset(
      path: path, text: text ?? "", textPair: textPair, label: label ?? "", labelNames: labelNames)
  }

  /// The data set or file that was named; nil when neither was.
  func load(labelNames: [String]? = nil) throws -> TextDataset? {
    if let dataset {
      switch dataset {
      case .iris: return TextDataset.iris()
      }
    }
    return try data.map { try read($0, labelNames: labelNames) }
  }

  /// What the data is called in a model card.
  var name: String? {
    dataset.map { _ in "Iris as text" }
      ?? data.map { path in
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.split(separator: ".").first.map(String.init) ?? name
      }
  }
}

/// How one data set becomes three.
struct SplitOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Rows kept from training: a share such as 0.3, or a number.", valueName: "size"))
  var heldOut: SplitSize = 0.3

  @Option(help: ArgumentHelp("Of these, the rows for the test; the others validate.", valueName: "size"))
  var testSize: SplitSize = 0.5

  @Flag(inversion: .prefixedNo, help: "Give every part each class in its share.")
  var stratify = true

  func split(
    _ data: TextDataset, seed: UInt64
  ) throws -> (train: TextDataset, validation: TextDataset, test: TextDataset) {
    try data.trainValidationTest(heldOut: heldOut, test: testSize, stratified: stratify, seed: seed)
  }
}

extension SplitSize: ExpressibleByArgument {
  public init?(argument: String) {
    if let count = Int(argument) {
      self = .count(count)
    } else if let share = Double(argument), share.isFinite {
      self = .fraction(share)
    } else {
      return nil
    }
  }

  public var defaultValueDescription: String {
    switch self {
    case .fraction(let share): "\(share)"
    case .count(let count): "\(count)"
    }
  }
}
