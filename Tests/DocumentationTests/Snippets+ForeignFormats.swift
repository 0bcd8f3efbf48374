// Regions are laid out as in the documents.
// swift-format-ignore-file
import Fingerprints
import ForeignFormats
import ModelFiles
import Pretrained

// Compiled, never run: the files it names are not there.

private func foreignFormats() throws {
  // ForeignFormats.md 1
  let file = try PyTorchFile(path: "pytorch_model.bin")  // nothing in its pickle can be called
  for tensor in file.tensors { print(tensor.name, tensor.elementType, tensor.shape) }
  try SafetensorsWriter.write(file, to: "model.safetensors")
  // end
}

private func fingerprints() throws {
  // Fingerprints.md 1
  let fingerprint = try CheckpointFingerprint(CanonicalWeights(Checkpoint("bert-base-uncased")))
  print(fingerprint.root)
  for tensor in fingerprint.tensors { print(tensor.sha256, tensor.name) }
  // end
}

private func converting() throws {
  // ConvertingCheckpoints.md 1
  let checkpoint = try Checkpoint("uncased_L-12_H-768_A-12.zip")
  var options = ConversionOptions()
  options.elementType = .bfloat16
  let report = try Conversion(checkpoint, to: .safetensors, at: "bert-base-uncased", options: options).run()
  print(report.files, report.losses.count, report.notes)
  // end
}

private func comparing() throws {
  // ConvertingCheckpoints.md 2
  let comparison = try CheckpointComparison(Checkpoint("bert-base-uncased"), Checkpoint("pytorch_model.bin"))
  for pair in comparison.changed { print(pair.name, pair.difference?.maxAbs ?? .nan) }
  print(try Verification("bert-base-uncased").findings.map(\.message))
  // end
}
