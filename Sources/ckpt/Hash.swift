import ArgumentParser
import Fingerprints
import ModelFiles
import Pretrained

struct Hash: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hash",
    abstract: "Print the SHA-256 of every tensor, and one of them all.",
    discussion: """
      The root depends on names, types, shapes and values alone, and not on the container, the order of the tensors or \
      how they are spread over files. Names are the canonical ones: those of transformers, without constants and tied \
      copies.
      """)

  @Argument(help: "The model.")
  var path: String

  @Option(help: .init("Compare with a manifest that `ckpt hash --json` printed.", valueName: "file"))
  var check: String?

  @Flag(help: "List every tensor.")
  var tensors = false

  @Flag(help: "One JSON object, which is a manifest.")
  var json = false

  @OptionGroup var access: AccessOption

  func run() throws {
    let checkpoint = try Checkpoint(ModelSource.path(path), access: access.value)
    let weights = try CanonicalWeights(checkpoint)
    let manifest = try check.map { try CheckpointFingerprint(JSONValue(path: $0), file: $0) }
    let meter = ByteMeter(total: weights.tensors.reduce(0) { $0 + $1.byteCount }, label: "hashing")
    let fingerprint = try CheckpointFingerprint(weights) { meter.show($0) }
    meter.clear()
    guard let manifest else {
      if json { return try Terminal.print(fingerprint.json.line) }
      try Terminal.print("\(fingerprint.root)  \(path)")
      if tensors { try printTensors(fingerprint) }
      return
    }

    let difference = manifest.difference(to: fingerprint)
    let isSame = difference.isEmpty && manifest.root == fingerprint.root
    if json {
      let answer: JSONValue = [
        "matches": .bool(isSame), "root": .string(fingerprint.root), "expected": .string(manifest.root),
        "added": .strings(difference.added), "removed": .strings(difference.removed),
        "changed": .strings(difference.changed),
      ]
      try Terminal.print(answer.line)
    } else if isSame {
      try Terminal.print("\(path): matches, \(fingerprint.tensors.count.counted("tensor"))")
    } else {
      for (sign, names) in [("~", difference.changed), ("+", difference.added), ("-", difference.removed)] {
        for name in names { try Terminal.print("  \(sign) \(name)") }
      }
      try Terminal.print("\(path): does not match; \(fingerprint.root), expected \(manifest.root)")
    }
    if !isSame { throw ExitCode(1) }
  }

  private func printTensors(_ fingerprint: CheckpointFingerprint) throws {
    var table = Table([.left, .left, .left, .left])
    for tensor in fingerprint.tensors {
      table.add(tensor.sha256, tensor.elementType.rawValue, "\(tensor.shape)", tensor.name)
    }
    for line in table.lines { try Terminal.print(line) }
  }
}
