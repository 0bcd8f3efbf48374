import ModelFiles

/// How the files of a bundle are named, and which bundle is meant by a path.
extension TensorBundle {
  /// What follows the prefix in the name of a data file.
  package static func dataSuffix(_ shard: Int, of count: Int) -> String {
    func padded(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    return ".data-\(padded(shard))-of-\(padded(count))"
  }

  /// The name of a bundle's file without what the kind of the file adds; nil for the names of other files.
  package static func prefix(ofFile name: String) -> String? {
    let bytes = name.utf8
    for suffix in [".index", ".meta"] where bytes.count > suffix.utf8.count {
      if bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) {
        return String(Substring(bytes.dropLast(suffix.utf8.count)))
      }
    }
    // Digits of any number: there are five at least.
    func withoutDigits(_ text: Substring.UTF8View) -> Substring.UTF8View? {
      var rest = text
      while let last = rest.last, UInt8(ascii: "0")...UInt8(ascii: "9") ~= last { rest.removeLast() }
      return text.count - rest.count >= 5 ? rest : nil
    }
    func without(_ suffix: String, _ text: Substring.UTF8View) -> Substring.UTF8View? {
      text.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) ? text.dropLast(suffix.utf8.count) : nil
    }
    return withoutDigits(bytes[...]).flatMap { without("-of-", $0) }.flatMap { withoutDigits($0) }
      .flatMap { without(".data-", $0) }.flatMap { $0.isEmpty ? nil : String(Substring($0)) }
  }

  /// The prefix that a path means.
  ///
  /// - Throws: ``TensorBundleError`` when a folder does not tell; `SystemError`.
  static func prefix(of path: String) throws -> String {
    if FileSystem.isDirectory(path) {
      return FileSystem.join(path, try nameOfBundle(inFolder: path))
    }
    // A prefix may itself end like the name of a file.
    if FileSystem.exists(path + ".index") { return path }
    return prefix(ofFile: path) ?? path
  }

  private static func nameOfBundle(inFolder folder: String) throws -> String {
    let state = FileSystem.join(folder, "checkpoint")
    if FileSystem.isRegularFile(state) {
      guard let name = nameOfBundle(inState: try FileSystem.read(state, limit: 1 << 24)) else {
        throw TensorBundleError(path: folder, .malformedCheckpointFile)
      }
      return name
    }
    let names = try FileSystem.list(folder).filter { $0.utf8.suffix(6).elementsEqual(".index".utf8) }
      .compactMap { prefix(ofFile: $0) }
    guard let name = names.first else { throw TensorBundleError(path: folder, .emptyFolder) }
    guard names.count == 1 else { throw TensorBundleError(path: folder, .severalBundles(names)) }
    return name
  }

  /// The newest bundle according to the text of a `CheckpointState`: the last component of its path, because folders
  /// are moved and the rest of a path may lead anywhere. Nil when there is no such line.
  static func nameOfBundle(inState text: [UInt8]) -> String? {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let words = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      guard words.starts(with: "model_checkpoint_path:".utf8) else { continue }
      guard let path = quoted(words.dropFirst("model_checkpoint_path:".utf8.count)),
        let last = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last,
        let name = String(validating: last, as: UTF8.self), !["", ".", ".."].contains(name),
        !last.contains(0)
      else { return nil }
      return name
    }
    return nil
  }

  /// The string between the first quotation mark and the next of its kind, with escapes as text-format Protocol Buffers
  /// write them: three octal digits for bytes that are not ASCII.
  private static func quoted(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var rest = text.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    guard let mark = rest.popFirst(), mark == UInt8(ascii: "\"") || mark == UInt8(ascii: "'") else {
      return nil
    }
    var string: [UInt8] = []
    while let byte = rest.popFirst() {
      if byte == mark { return string }
      guard byte == UInt8(ascii: "\\") else {
        string.append(byte)
        continue
      }
      guard let escape = rest.popFirst() else { return nil }
      switch escape {
      case UInt8(ascii: "n"): string.append(10)
      case UInt8(ascii: "r"): string.append(13)
      case UInt8(ascii: "t"): string.append(9)
      case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): string.append(escape)
      case UInt8(ascii: "0")...UInt8(ascii: "3"):
        var value = escape - UInt8(ascii: "0")
        for _ in 0..<2 {
          guard let digit = rest.popFirst(), UInt8(ascii: "0")...UInt8(ascii: "7") ~= digit else {
            return nil
          }
          value = value << 3 | (digit - UInt8(ascii: "0"))
        }
        string.append(value)
      default: return nil
      }
    }
    return nil
  }

  /// The text of a `CheckpointState` that names one bundle in the same folder.
  static func state(naming name: String) -> String {
    var quoted = "\""
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "'"):
        quoted += "\\" + String(Unicode.Scalar(byte))
      case 0x20..<0x7F: quoted += String(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 8)
        quoted += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
      }
    }
    quoted += "\""
    return "model_checkpoint_path: \(quoted)\nall_model_checkpoint_paths: \(quoted)\n"
  }
}
