#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// `-log softmax(logits)[label]`
func crossEntropy(_ logits: [Float], label: Int) -> Double {
  let largest = Double(logits.max() ?? 0)
  let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
  return log(sum) + largest - Double(logits[label])
}
