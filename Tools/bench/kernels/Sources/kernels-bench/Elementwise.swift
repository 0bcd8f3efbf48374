import CKernels
import Measuring
import Tensors

/// The kernels that are bound by memory or by their own arithmetic, each on one thread; AdamW on all.
@MainActor func elementwise(_ compute: Compute, _ set: String) throws -> [Line] {
  let kernels = compute.kernels.set.pointee
  let (rows, wide, narrow) = (112, 3072, 768)
  let (u, a) = (try Operand(rows: rows, columns: wide), try Operand(rows: rows, columns: wide))
  let (x, y) = (try Operand(rows: rows, columns: narrow), try Operand(rows: rows, columns: narrow))
  let residual = try Operand(rows: rows, columns: narrow)
  let scores = try Operand(rows: 96 * 14, columns: 128)
  let (vector, zeros) = (try Operand(rows: 1, columns: wide), try Operand(rows: 1, columns: wide))
  // Kernels that work in place would run away from call to call if they added anything.
  zeros.matrix.fill(0)
  residual.matrix.fill(0)
  let bytes = { (matrix: Operand, passes: Double) in 4e-9 * passes * Double(matrix.matrix.count) }

  let count = 8 << 20
  let state = try (0..<4).map { _ in try Operand(rows: 1, columns: count) }
  state[2].matrix.fill(1e-3)
  let step = adamw_step(
    gradient_scale: 1, decay: 1, beta1: 0.9, beta2: 0.999, one_minus_beta1: 0.1, one_minus_beta2: 0.001,
    step_size: 2e-5, bias_correction2_sqrt: 1, epsilon: 1e-8)

  let calls: [(String, Double, () -> Void)] = [
    (
      "GELU, bias 112x3072", bytes(u, 3),
      {
        kernels.bias_activation(
          ACTIVATION_GELU, u.matrix.start, wide, zeros.matrix.start, a.matrix.start, wide, rows, wide)
      }
    ),
    (
      "GELU backward 112x3072", bytes(u, 3),
      { kernels.activation_backward(ACTIVATION_GELU, u.matrix.start, a.matrix.start, a.matrix.count) }
    ),
    (
      "bias, residual, LayerNorm 112x768", bytes(x, 4),
      {
        kernels.bias_dropout_residual_layernorm(
          x.matrix.start, zeros.matrix.start, nil, 1, residual.matrix.start, vector.matrix.start,
          zeros.matrix.start, 1e-12, y.matrix.start, nil, nil, rows, narrow)
      }
    ),
    (
      "softmax 1344x128", bytes(scores, 2),
      { kernels.softmax(scores.matrix.start, 128, nil, 0.125, scores.matrix.rows, 128) }
    ),
    (
      "AdamW 8388608, all threads", 28e-9 * Double(count),
      {
        compute.adamW(
          parameters: state[0].matrix.start, firstMoment: state[1].matrix.start,
          secondMoment: state[2].matrix.start, gradient: state[3].matrix.start, step, count: count)
      }
    ),
    (
      "sum of squares 8388608, all threads", 4e-9 * Double(count),
      { _ = compute.sumOfSquares(state[3].matrix.start, count: count) }
    ),
  ]
  return calls.map { name, work, call in
    Line(name: name, set: set, work: work, unit: "GB", measurement: budget.measure(call))
  }
}
