#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension Double {
  /// The value rounded to so many decimals as Python's `round` does it: from the exact value, half to even.
  func rounded(toDecimals decimals: Int) -> Double {
    guard isFinite else { return self }
    var text = [CChar](repeating: 0, count: 400)
    let written = withVaList([CInt(decimals), self]) { vsnprintf(&text, text.count, "%.*f", $0) }
    let digits = text.prefix(Int(written)).map { UInt8(bitPattern: $0) }
    return Double(String(decoding: digits, as: UTF8.self)) ?? self
  }
}

extension LogRecord {
  /// `<prefix>_runtime`, `_samples_per_second`, `_steps_per_second`. Reference: `speed_metrics` in `trainer_utils.py`.
  mutating func appendSpeed(_ prefix: String, _ runtime: Duration, samples: Double, steps: Int) {
    let seconds = runtime / .seconds(1)
    append("\(prefix)_runtime", seconds.rounded(toDecimals: 4))
    append("\(prefix)_samples_per_second", (samples / seconds).rounded(toDecimals: 3))
    append("\(prefix)_steps_per_second", (Double(steps) / seconds).rounded(toDecimals: 3))
  }
}

/// Mean cross entropy of rows of logits, as the model's loss is in evaluation.
func meanCrossEntropy(_ logits: [[Float]], _ labels: [Int], labelSmoothing: Double) -> Float {
  var sum = 0.0
  for (row, label) in zip(logits, labels) {
    let largest = Double(row.max() ?? 0)
    let logSum = log(row.reduce(0) { $0 + exp(Double($1) - largest) }) + largest
    let mean = row.reduce(0) { $0 + logSum - Double($1) } / Double(row.count)
    sum += (1 - labelSmoothing) * (logSum - Double(row[label])) + labelSmoothing * mean
  }
  return Float(sum / Double(labels.count))
}
