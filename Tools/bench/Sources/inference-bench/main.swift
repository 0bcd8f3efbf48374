import Measuring
import Pretrained

// inference-bench --model FOLDER [--shapes 1x16,32xragged] [--threads 2] [--weights float32]
//   [--warm-up 2] [--seconds 2] [--least 3] [--most 200]
//
// Classifies made-up texts, from token ids to logits, and prints one JSON object: for each shape the seconds of each call,
// the page faults of one, and the logits.

let options = Options(
  Budget.defaults().merging(
    ["model": "", "shapes": "1x16", "threads": "2", "weights": "float32"]) { $1 })
let budget = Budget(options)
guard let weights = LinearWeights(rawValue: options["weights"]) else {
  let known = LinearWeights.allCases.map(\.rawValue).joined(separator: ", ")
  Options.fail("--weights \(options["weights"]): not in this build, which has \(known)", status: 64)
}

let checkpoint = try Checkpoint(options["model"])
let tokenizer = try checkpoint.tokenizer()
let words = Words((0..<tokenizer.vocabulary.count).map { tokenizer.vocabulary[$0] ?? "" })
let (model, _) = try BERTForSequenceClassification.load(
  from: checkpoint, threads: options.integer("threads"), linearWeights: weights)

var results: [(String, Measurement)] = []
for name in options.list("shapes") {
  let inputs = try batch(Shape(name))
  var measurement = try budget.measure { _ = try model.logits(inputs) }
  let logits = try model.logits(inputs)
  let width = logits.shape[1]
  let rows = (0..<logits.shape[0]).map { Array(logits.values[$0 * width..<($0 + 1) * width]) }
  measurement.others["logits"] = "\(rows)"
  results.append((name, measurement))
}
printResults(results)

/// A batch of that shape, padded to its longest row.
@MainActor func batch(_ shape: Shape) throws -> BERTInputs {
  let rows = (0..<shape.batchSize).map { row in
    let inner = shape.words(row: row, count: words.all.count).map { words.all[$0].id }
    return [Int32(tokenizer.classID)] + inner + [Int32(tokenizer.separatorID)]
  }
  let longest = rows.map(\.count).max() ?? 0
  let padding = Int32(tokenizer.paddingID)
  return try BERTInputs(
    inputIDs: rows.map { $0 + [Int32](repeating: padding, count: longest - $0.count) },
    attentionMask: rows.map { row in (0..<longest).map { $0 < row.count ? 1 : 0 } })
}
