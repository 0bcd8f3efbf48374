import Foundation
import Measuring
import Pretrained

// tokenizer-bench --model FOLDER --lines FILE [--ids FILE] [--warm-up 1] [--seconds 2] [--least 3] [--most 20]
//
// Tokenizes the lines of a file on one thread, and prints one JSON object: the seconds of each pass over all lines. --ids
// names a file for the ids: for each line their number, then the ids, 32 bits each.

let options = Options(
  Budget.defaults(warmUp: 1, most: 20).merging(["model": "", "lines": "", "ids": ""]) { $1 })
let tokenizer = try Checkpoint(options["model"]).tokenizer()
let bytes = try Data(contentsOf: URL(fileURLWithPath: options["lines"]))
var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
  String(decoding: $0, as: UTF8.self)
}
while lines.last == "" { lines.removeLast() }

// Lines of any length, without padding between them: batches are made of lines that follow one another.
let batchSize = 256
let batches = stride(from: 0, to: lines.count, by: batchSize).map {
  Array(lines[$0..<min($0 + batchSize, lines.count)])
}
let measurement = try Budget(options).measure {
  for batch in batches {
    _ = try tokenizer.encodeBatch(batch, truncation: .none, padding: .longest)
  }
}

var tokens = 0
var written: [Int32] = []
for batch in batches {
  let encoded = try tokenizer.encodeBatch(batch, truncation: .none, padding: .longest)
  for row in 0..<encoded.rows {
    let range = row * encoded.length..<(row + 1) * encoded.length
    let count = encoded.attentionMask[range].reduce(0) { $0 + Int($1) }
    tokens += count
    written.append(Int32(count))
    written += encoded.inputIDs[range.prefix(count)]
  }
}
if options["ids"] != "" {
  try written.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: options["ids"])) }
}
var result = measurement
result.others = ["bytes": "\(bytes.count)", "tokens": "\(tokens)"]
printResults([("lines", result)])
