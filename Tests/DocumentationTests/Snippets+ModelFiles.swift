// Regions are laid out as in the documents.
// swift-format-ignore-file
import ModelFiles

// Compiled, never run: the files it names are not there.

private func landingPage() throws {
  // ModelFiles.md 1
  let file = try SafetensorsFile(path: "model.safetensors")
  for entry in file.entries { print(entry.name, entry.elementType, entry.shape) }
  let bias = try file.withBytes(of: "pooler.dense.bias") { bytes in
    (0..<bytes.byteCount / 4).map { bytes.unsafeLoadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
  }
  print(bias.count)
  // end
}
