import CKernels
import Foundation
import Testing

import Tensors

@Suite("attention")
struct AttentionTests {
  /// Rows of doubles.
  typealias Rows = [[Double]]

  static func product(_ a: Rows, _ b: Rows) -> Rows {
    a.map { row in
      b[0].indices.map { column in row.indices.reduce(0) { $0 + row[$1] * b[$1][column] } }
    }
  }

  static func transposed(_ a: Rows) -> Rows { a[0].indices.map { column in a.map { $0[column] } } }

  /// One head, forward and backward, in double precision; `weights` is what dropout multiplies by.
  struct Reference {
    let (context, dq, dk, dv): (Rows, Rows, Rows, Rows)

    init(q: Rows, k: Rows, v: Rows, dc: Rows, keep: [UInt8]?, weights: Rows?) {
      let scale = 1 / Double(q[0].count).squareRoot()
      let p = AttentionTests.product(q, transposed(k)).map { row -> [Double] in
        let kept = row.indices.filter { keep?[$0] != 0 }
        let e = SoftmaxTests.softmax(kept.map { row[$0] * scale })
        var full = [Double](repeating: 0, count: row.count)
        for (index, value) in zip(kept, e) { full[index] = value }
        return full
      }
      func dropped(_ rows: Rows) -> Rows {
        guard let weights else { return rows }
        return zip(rows, weights).map { zip($0, $1).map { $0 * $1 } }
      }
      context = AttentionTests.product(dropped(p), v)
      dv = AttentionTests.product(transposed(dropped(p)), dc)
      let dp = dropped(AttentionTests.product(dc, transposed(v)))
      let ds = zip(p, dp).map { p, dp in
        let dot = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
        return zip(p, dp).map { $0 * ($1 - dot) * scale }
      }
      dq = AttentionTests.product(ds, k)
      dk = AttentionTests.product(transposed(ds), q)
    }
  }

  static func rows(_ values: [Float], _ columns: Int) -> Rows {
    stride(from: 0, to: values.count, by: columns).map { values[$0..<$0 + columns].map(Double.init) }
  }

  @Test("one head is as accurate as torch's", arguments: [(14, 64), (37, 32)], Kernels.available.indices)
  func accuracy(_ shape: (Int, Int), _ set: Int) throws {
    let (tokens, size) = shape
    let inputs = (0..<4).map { numbers(tokens * size, seed: UInt32(13 + $0), scale: 2) }
    var layout = head_shape(
      queries: tokens, keys: tokens, head_size: size, query_stride: size, key_stride: size,
      context_stride: size, scale: 1 / Float(size).squareRoot())
    var (p, context) = ([Float](repeating: 0, count: tokens * tokens), inputs[0])
    var (dq, dk, dv, scratch) = (inputs[0], inputs[0], inputs[0], p)
    let kernels = Kernels.available[set].set
    attention_forward(kernels, &layout, inputs[0], inputs[1], inputs[2], nil, nil, 1, &p, nil, &context)
    attention_backward(
      kernels, &layout, inputs[0], inputs[1], inputs[2], p, nil, nil, 1, inputs[3], &dq, &dk, &dv, &scratch)
    let exact = inputs.map { Self.rows($0, size) }
    let reference = Reference(
      q: exact[0], k: exact[1], v: exact[2], dc: exact[3], keep: nil, weights: nil)
    let name = "attention_\(tokens)"
    #expect(try largestError(context, reference.context.flatMap(\.self)) <= TorchFixture.bound(name))
    #expect(try largestError(dq, reference.dq.flatMap(\.self)) <= TorchFixture.bound(name + ".d1"))
    #expect(try largestError(dk, reference.dk.flatMap(\.self)) <= TorchFixture.bound(name + ".d2"))
    #expect(try largestError(dv, reference.dv.flatMap(\.self)) <= TorchFixture.bound(name + ".d3"))
  }

  struct Batch: Sendable {
    let (lengths, heads, size): ([Int], Int, Int)
    var firstOnly = false
  }

  static let batches = [
    Batch(lengths: [1], heads: 1, size: 4), Batch(lengths: [5, 5], heads: 3, size: 8),
    Batch(lengths: [17], heads: 2, size: 12), Batch(lengths: [33, 33], heads: 2, size: 5),
    Batch(lengths: [70], heads: 1, size: 32), Batch(lengths: [3, 1, 19], heads: 2, size: 8),
    Batch(lengths: [6, 11, 2], heads: 2, size: 16, firstOnly: true),
  ]

  @Test(
    "heads of sequences of any length, with padding and dropout, for every query or the first",
    arguments: batches.indices, Kernels.available.indices)
  func packed(_ index: Int, _ set: Int) {
    let shape = Self.batches[index]
    let (h, d) = (shape.heads, shape.size)
    let layout = AttentionLayout(lengths: shape.lengths, firstOnly: shape.firstOnly, heads: h, headSize: d)
    let (c, t, n) = (h * d, layout.keyCount, layout.queryCount)
    var (qkv, dContext) = (numbers(t * 3 * c, seed: 1, scale: 2), numbers(n * c, seed: 2))
    var (queries, dQueries) = (numbers(n * c, seed: 5, scale: 2), [Float](repeating: .nan, count: n * c))
    var (keep, mask) = (maskBytes(t, seed: 3), maskBytes(layout.scoreCount, seed: 4))
    var firstRow = 0
    for length in shape.lengths {
      keep[firstRow] = 1
      firstRow += length
    }
    var p = [Float](repeating: .nan, count: layout.scoreCount)
    var (dropped, scratch) = (p, p)
    var context = [Float](repeating: .nan, count: n * c)
    var dqkv = [Float](repeating: .nan, count: t * 3 * c)
    let compute = Compute(threads: 2, instructionSet: Kernels.available[set].name)
    let (rows, rowGradients) = (Matrix(&qkv, rows: t, columns: 3 * c), Matrix(&dqkv, rows: t, columns: 3 * c))
    let query = Matrix(&queries, rows: n, columns: c)
    compute.attentionForward(
      layout, query: query, key: rows.columns(c..<2 * c), value: rows.columns(2 * c..<3 * c), keep: &keep,
      mask: &mask, maskScale: 1.25, probabilities: &p, dropped: &dropped,
      context: Matrix(&context, rows: n, columns: c))
    compute.attentionBackward(
      layout, query: query, key: rows.columns(c..<2 * c), value: rows.columns(2 * c..<3 * c),
      probabilities: &p, dropped: &dropped, mask: &mask, maskScale: 1.25,
      contextGradient: Matrix(&dContext, rows: n, columns: c),
      queryGradient: Matrix(&dQueries, rows: n, columns: c), keyGradient: rowGradients.columns(c..<2 * c),
      valueGradient: rowGradients.columns(2 * c..<3 * c), scratch: &scratch)
    var (key, queryRow, scores) = (0, 0, 0)
    for s in shape.lengths {
      let count = shape.firstOnly ? 1 : s
      for head in 0..<h {
        func part(_ values: [Float], _ columns: Int, _ offset: Int, _ first: Int, _ count: Int) -> Rows {
          (first..<first + count).map { row in
            let start = row * columns + offset + head * d
            return values[start..<start + d].map(Double.init)
          }
        }
        let kept = Array(keep[key..<key + s])
        let reference = Reference(
          q: part(queries, c, 0, queryRow, count), k: part(qkv, 3 * c, c, key, s),
          v: part(qkv, 3 * c, 2 * c, key, s), dc: part(dContext, c, 0, queryRow, count), keep: kept,
          weights: (0..<count).map { row in (0..<s).map { mask[scores + row * s + $0] != 0 ? 1.25 : 0 } })
        func error(_ found: Rows, _ exact: Rows) -> Double {
          largestError(found.flatMap { $0.map { Float($0) } }, exact.flatMap(\.self))
        }
        // Sums of some tens of products of numbers up to 4, each rounded to float.
        #expect(error(part(context, c, 0, queryRow, count), reference.context) < 5e-6)
        #expect(error(part(dQueries, c, 0, queryRow, count), reference.dq) < 5e-6)
        #expect(error(part(dqkv, 3 * c, c, key, s), reference.dk) < 5e-6)
        #expect(error(part(dqkv, 3 * c, 2 * c, key, s), reference.dv) < 5e-6)
        for row in 0..<count {
          for column in 0..<s where kept[column] == 0 {
            #expect(p[scores + row * s + column].bitPattern == 0)
          }
        }
        scores += count * s
      }
      key += s
      queryRow += count
    }
  }

  @Test("probabilities that nobody keeps change nothing, whatever the block of queries", arguments: [3, 150])
  func unkept(tokens: Int) {
    let (h, d) = (2, 8)
    let layout = AttentionLayout(lengths: [tokens], firstOnly: false, heads: h, headSize: d)
    var qkv = numbers(tokens * 3 * h * d, seed: 6)
    let rows = Matrix(&qkv, rows: tokens, columns: 3 * h * d)
    var p = [Float](repeating: 0, count: layout.scoreCount)
    func context(_ p: UnsafeMutablePointer<Float>?) -> [Float] {
      var context = [Float](repeating: .nan, count: tokens * h * d)
      Compute(threads: 1).attentionForward(
        layout, query: rows.columns(0..<h * d), key: rows.columns(h * d..<2 * h * d),
        value: rows.columns(2 * h * d..<3 * h * d), keep: nil, mask: nil, maskScale: 1, probabilities: p,
        dropped: nil, context: Matrix(&context, rows: tokens, columns: h * d))
      return context
    }
    #expect(context(nil) == context(&p))
  }

  @Test("what stands in a masked key changes nothing")
  func maskedKeys() {
    let (s, d) = (9, 16)
    let compute = Compute(threads: 1)
    func context(_ masked: Float) -> [Float] {
      var qkv = numbers(s * 3 * d, seed: 8)
      for column in d..<3 * d { qkv[4 * 3 * d + column] = masked }
      var keep = [UInt8](repeating: 1, count: s)
      keep[4] = 0
      var (p, context) = ([Float](repeating: 0, count: s * s), [Float](repeating: 0, count: s * d))
      let rows = Matrix(&qkv, rows: s, columns: 3 * d)
      compute.attentionForward(
        AttentionLayout(lengths: [s], firstOnly: false, heads: 1, headSize: d), query: rows.columns(0..<d),
        key: rows.columns(d..<2 * d), value: rows.columns(2 * d..<3 * d), keep: &keep, mask: nil,
        maskScale: 1, probabilities: &p, dropped: nil, context: Matrix(&context, rows: s, columns: d))
      return context
    }
    #expect(context(0) == context(1e30))
  }
}
