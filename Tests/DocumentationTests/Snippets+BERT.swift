// Regions are laid out as in the documents.
// swift-format-ignore-file
import BERT
import ModelFiles

// Compiled, never run: the files it names are not there.

private func landingPage() throws {
  // BERT.md 1
  let weights = try SafetensorsFile(path: "model.safetensors")
  let configuration = try BERTConfiguration(JSONValue(path: "config.json"))
  let (model, report) = try BERTModel.load(from: weights, configuration: configuration)
  let inputs = try BERTInputs(inputIDs: [[101, 2054, 102], [101, 2129, 102]])
  print(report, try model.meanPooled(inputs))  // (2, 384)
  // end
}
