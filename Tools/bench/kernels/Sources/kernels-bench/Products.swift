import Measuring
import Tensors

/// The products of a linear layer: forward x·Wᵀ, input gradient dy·W, weight gradient dyᵀ·x, as the library computes them.
@MainActor func products(_ compute: Compute, _ set: String) throws -> [Line] {
  var lines: [Line] = []
  for (n, k) in options.shapes("weights") {
    let w = try Operand(rows: n, columns: k)
    let dw = try Operand(rows: n, columns: k)
    for m in options.integers("rows") {
      let (x, dx) = (try Operand(rows: m, columns: k), try Operand(rows: m, columns: k))
      let (y, dy) = (try Operand(rows: m, columns: n), try Operand(rows: m, columns: n))
      let calls: [(String, () -> Void)] = [
        ("forward", { compute.linear(x.matrix, weight: w.matrix.start, bias: nil, into: y.matrix) }),
        ("dx", { compute.product(dy.matrix, w.matrix, into: dx.matrix) }),
        ("dw", { compute.product(dy.matrix, transposed: true, x.matrix, into: dw.matrix) }),
      ]
      for (name, call) in calls {
        lines.append(
          Line(
            name: "\(name) \(m)x\(n)x\(k)", set: set, work: 2e-9 * Double(m * n * k), unit: "GF",
            measurement: budget.measure(call)))
      }
    }
  }
  return lines
}

/// A matrix of random numbers between -1 and 1, with its memory.
struct Operand {
  let matrix: Matrix
  private let block: MemoryBlock

  init(rows: Int, columns: Int) throws {
    block = try MemoryBlock(byteCount: rows * columns * MemoryLayout<Float>.stride)
    matrix = Matrix(block.floats(at: 0, count: rows * columns), rows: rows, columns: columns)
    var state: UInt32 = 1
    for index in 0..<rows * columns {
      state = state &* 1_664_525 &+ 1_013_904_223
      matrix.start[index] = Float(state >> 8) * 0x1p-23 - 1
    }
  }
}
