import BERT
import ModelFiles

extension ModelExport {
  /// Opens a written folder and compares tensors, configuration and tokenizer with what was to be written.
  ///
  /// - Parameter path: how errors name the folder.
  /// - Throws: ``ExportError/differs(path:what:expected:found:)`` for the first difference; the errors of opening.
  func compare(with folder: String, shownAs path: String) throws {
    let written = try Checkpoint(ModelFolder(path: folder))
    func require<Value: Equatable>(_ what: String, _ expected: Value, _ found: Value) throws {
      if expected != found {
        throw ExportError.differs(path: path, what: what, expected: brief(expected), found: brief(found))
      }
    }

    let expected = weights.tensors.sorted { $0.name.precedesInBytes($1.name) }
    let found = written.weights.sorted { $0.name.precedesInBytes($1.name) }
    try require("the names of the tensors", expected.map(\.name), found.map(\.name))
    for (expected, found) in zip(expected, found) {
      try require("tensor '\(expected.name)'", expected, found)
      let isSame = try weights.withBytes(of: expected.name) { ours in
        try written.weights.withBytes(of: expected.name) { theirs in ours.hasSameBytes(as: theirs) }
      }
      try require("the data of tensor '\(expected.name)'", "as it was", isSame ? "as it was" : "changed")
    }

    func typed(_ document: JSONValue) throws -> BERTConfiguration {
      var configuration = try BERTConfiguration(document)
      configuration.document = .null  // spelled anew; its meaning is what is compared
      return configuration
    }
    try require("config.json", typed(configuration.json), typed(written.configuration))
    for key in ["architectures", "id2label", "label2id", "problem_type"] {
      try require(
        "'\(key)' of config.json", configuration.json[key] ?? .null, written.configuration[key] ?? .null)
    }

    let read = try written.folder.tokenizerDescription()
    try require("the vocabulary", tokenizer.tokens, read.tokens)
    try require("the tokenizer's options", tokenizer.comparedOptions, read.comparedOptions)
    try require("the special tokens", tokenizer.specialTokens, read.specialTokens)
    try require("the added tokens", tokenizer.addedTokens, read.addedTokens)
    if let trainerState, let file = written.folder.file("trainer_state.json") {
      try require("trainer_state.json", trainerState, JSONValue(path: file, acceptsNonFinite: true))
    }
  }

  private func brief(_ value: some Any) -> String {
    let text = "\(value)"
    return text.count > 200 ? text.prefix(200) + "…" : text
  }
}

extension TokenizerDescription {
  fileprivate var comparedOptions: [String] {
    [
      "lowercase \(lowercase)", "strip accents \(stripAccents.map { "\($0)" } ?? "when lowercasing")",
      "Chinese characters apart \(tokenizeChineseChars)", "clean text \(cleanText)",
      "prefix \(continuingSubwordPrefix)", "longest word \(maxInputCharsPerWord)",
      "longest input \(modelMaxLength.map { "\($0)" } ?? "any")",
    ]
  }
}

/// Why a model was not exported.
@nonexhaustive
public enum ExportError: Error, Equatable {
  /// A file has the name the folder should have.
  case notAFolder(path: String)
  /// The folder holds files, and nobody said that they may be replaced.
  case folderNotEmpty(path: String)
  /// A folder has the name of a file that is to be written.
  case folderInTheWay(path: String)
  /// What was read back is not what was written.
  case differs(path: String, what: String, expected: String, found: String)
}

extension ExportError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notAFolder(let path): "\(path): a file has this name; choose another folder"
    case .folderNotEmpty(let path):
      "\(path): the folder is not empty; choose another, or allow its model to be replaced"
    case .folderInTheWay(let path): "\(path): there is a folder where a file belongs; move it away"
    case .differs(let path, let what, let expected, let found):
      "\(path): not written, since \(what) would read back as \(found) and not as \(expected); "
        + "is the disk sound, and the tokenizer BERT's?"
    }
  }
}
