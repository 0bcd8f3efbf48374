import CKernels
import Measuring
import Tensors

/// The forward product with weights in every form that a model can be loaded with, and by dots from the file for a few
/// rows.
@MainActor func forms(_ compute: Compute, _ set: String) throws -> [Line] {
  var lines: [Line] = []
  for (n, k) in options.shapes("weights") {
    let (w, bias) = (try Operand(rows: n, columns: k), try Operand(rows: 1, columns: n))
    let part = PreparedWeights.Part(weight: w.matrix.start, bias: bias.matrix.start, outputs: n)
    let source = PreparedWeights.Source(name: "\(n)x\(k)", inputs: k, parts: [part])
    let prepared = try LinearWeights.allCases.filter { $0 != .float32 }.map { form in
      let memory = try PreparedMemory(byteCount: source.byteCount(form, compute.kernels))
      return try PreparedWeights(source, form, in: memory, at: 0, compute)
    }
    for m in options.integers("rows") {
      let (x, y) = (try Operand(rows: m, columns: k), try Operand(rows: m, columns: n))
      let line = { (name: String, call: () -> Void) in
        Line(
          name: "\(name) \(m)x\(n)x\(k)", set: set, work: 2e-9 * Double(m * n * k), unit: "GF",
          measurement: budget.measure(call))
      }
      if compute.prefersDots(rows: m) {
        lines.append(
          line("forward, dots") {
            compute.linearByDots(
              x.matrix, weight: w.matrix.start, bias: bias.matrix.start, into: y.matrix)
          })
      }
      for weights in prepared {
        lines.append(
          line("forward, \(weights.form.rawValue)") {
            compute.linear(x.matrix, weights, addsBias: true, into: y.matrix)
          })
      }
    }
  }
  return lines
}
