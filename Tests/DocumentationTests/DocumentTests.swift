import Foundation
import Testing

/// Every Swift block of the README and of the documentation is a region of a compiled file of this target.
///
/// A region begins with `// DOCUMENT NUMBER`, such as `// README.md 1`, and ends with `// end`. It holds the block as it
/// stands in the document, indented as its surroundings ask; only `import` lines are at the top of the file instead.
@Suite("documents show code that compiles")
struct DocumentTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The README, and every page of every catalogue, as paths from the root.
  static let documents: [String] = {
    let names = (FileManager.default.subpaths(atPath: root.appending(path: "Sources").path) ?? [])
      .map { "Sources/\($0)" }
    return ["README.md"] + names.filter { $0.contains(".docc/") && $0.hasSuffix(".md") }.sorted()
  }()

  @Test("there are documents with code")
  func thereAreSome() throws {
    #expect(Self.documents.count > 5)
    #expect(try Self.documents.allSatisfy { try Self.blocks(of: $0).count < 20 })
    #expect(try Self.documents.reduce(0) { try $0 + Self.blocks(of: $1).count } >= 10)
  }

  @Test("each block is a region, and each region a block", arguments: documents)
  func blocksAreRegions(document: String) throws {
    let blocks = try Self.blocks(of: document)
    let regions = try Self.regions(of: document)
    #expect(regions.keys.sorted() == blocks.indices.map { $0 + 1 }, "the regions of \(document)")
    for (index, block) in blocks.enumerated() {
      guard let region = regions[index + 1] else { continue }
      let imports = block.prefix { $0.hasPrefix("import ") || $0.isEmpty }
      #expect(Array(block.dropFirst(imports.count)) == region.lines, "\(document), block \(index + 1)")
      for line in imports where !line.isEmpty {
        #expect(region.imports.contains(line), "\(document), block \(index + 1), needs \(line)")
      }
    }
  }

  @Test("every region belongs to a document")
  func noStrayRegions() throws {
    for line in try Self.snippetFiles().flatMap(\.self) {
      guard let name = Self.regionName(line) else { continue }
      #expect(Self.documents.contains { Self.title($0) == name.document }, "\(line)")
    }
  }

  // MARK: Reading

  private static func lines(_ url: URL) throws -> [String] {
    try String(contentsOf: url, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
  }

  /// The lines of each block that a document marks as Swift.
  private static func blocks(of document: String) throws -> [[String]] {
    var blocks: [[String]] = []
    var block: [String]?
    for line in try lines(root.appending(path: document)) {
      if let open = block {
        if line == "```" {
          blocks.append(open)
          block = nil
        } else {
          block = open + [line]
        }
      } else if line == "```swift" {
        block = []
      }
    }
    #expect(block == nil, "\(document) has a block that is not closed")
    return blocks
  }

  private struct Region {
    var lines: [String]
    var imports: [String]
  }

  /// What a document is called in this target: its file's name.
  private static func title(_ document: String) -> String { URL(filePath: document).lastPathComponent }

  private static func snippetFiles() throws -> [[String]] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .filter { $0.hasPrefix("Snippets") }.map { try lines(folder.appending(path: $0)) }
  }

  private static func regionName(_ line: String) -> (document: String, number: Int)? {
    let words = line.trimmingCharacters(in: .whitespaces).split(separator: " ")
    guard words.count == 3, words[0] == "//", words[1].hasSuffix(".md"), let number = Int(words[2]) else {
      return nil
    }
    return (String(words[1]), number)
  }

  private static func regions(of document: String) throws -> [Int: Region] {
    var regions: [Int: Region] = [:]
    for file in try snippetFiles() {
      let imports = file.filter { $0.hasPrefix("import ") }
      for (index, line) in file.enumerated() {
        guard let name = regionName(line), name.document == title(document) else { continue }
        let indent = line.prefix { $0 == " " }
        let body = file[(index + 1)...].prefix { $0 != indent + "// end" }
        #expect(index + 1 + body.count < file.count, "'\(line)' has no end")
        let lines = body.map { $0.hasPrefix(indent) ? String($0.dropFirst(indent.count)) : $0 }
        #expect(
          regions.updateValue(Region(lines: lines, imports: imports), forKey: name.number) == nil,
          "\(line) twice")
      }
    }
    return regions
  }
}
