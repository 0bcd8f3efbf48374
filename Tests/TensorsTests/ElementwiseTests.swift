import CKernels
import Testing

import Tensors

@Suite("elementwise kernels")
struct ElementwiseTests {
  @Test("additions, products and masks are exact for every count", arguments: Kernels.available.indices)
  func exactKernels(_ set: Int) {
    let table = Kernels.available[set].set.pointee
    for count in 1...67 {
      let (x, y, mask) = (numbers(count, seed: 1), numbers(count, seed: 2), maskBytes(count, seed: 3))
      // One element more than is worked on, which must stay.
      func guarded(_ values: [Float], _ body: (inout [Float]) -> Void) -> [Float] {
        var values = values + [77]
        body(&values)
        #expect(values[count] == 77, "wrote beyond \(count) elements")
        return Array(values.dropLast())
      }
      #expect(guarded(y) { table.add(&$0, x, count) } == zip(x, y).map { $1 + $0 })
      #expect(guarded(y) { table.scale(&$0, 0.3, count) } == y.map { $0 * 0.3 })
      let dropped = zip(x, mask).map { $1 != 0 ? $0 * 1.25 : 0 }
      #expect(guarded(y) { table.dropout(x, mask, 1.25, &$0, count) } == dropped)
      #expect(
        guarded(x) { values in
          values.withUnsafeMutableBufferPointer {
            table.dropout($0.baseAddress, mask, 1.25, $0.baseAddress, count)
          }
        } == dropped)
      #expect(guarded(y) { table.dropout(x, nil, 1.25, &$0, count) } == x.map { $0 * 1.25 })
    }
  }

  @Test("a dropped element is 0 even where it was not a number", arguments: Kernels.available.indices)
  func droppedNaN(_ set: Int) {
    var y: [Float] = [1, 1, 1]
    Kernels.available[set].set.pointee.dropout([.nan, .infinity, 2], [0, 0, 255], 2, &y, 3)
    #expect(y == [0, 0, 4])
  }

  @Test(
    "a bias reaches every row of a strided matrix and nothing between", arguments: Kernels.available.indices)
  func strided(_ set: Int) {
    let (rows, columns, stride) = (3, 21, 30)
    let (x, bias) = (numbers(rows * stride, seed: 4), numbers(columns, seed: 5))
    var y = x
    Kernels.available[set].set.pointee.add_bias(&y, stride, bias, rows, columns)
    #expect(y == x.indices.map { $0 % stride < columns ? x[$0] + bias[$0 % stride] : x[$0] })
  }

  @Test("embeddings add word, type and position in this order", arguments: Kernels.available.indices)
  func embeddings(_ set: Int) {
    for columns in [1, 19, 32] {
      let (word, type) = (numbers(7 * columns, seed: 6), numbers(2 * columns, seed: 7))
      let position = numbers(5 * columns, seed: 8)
      let (ids, types, positions): ([Int32], [Int32], [Int32]) = ([6, 0, 3, 3], [0, 1, 1, 0], [0, 1, 2, 4])
      var out = [Float](repeating: .nan, count: 4 * columns)
      Kernels.available[set].set.pointee.embed(word, type, position, ids, types, positions, &out, 4, columns)
      for (index, value) in out.enumerated() {
        let (row, column) = (index / columns, index % columns)
        let sum =
          (word[Int(ids[row]) * columns + column] + type[Int(types[row]) * columns + column])
          + position[Int(positions[row]) * columns + column]
        #expect(value == sum)
      }
    }
  }
}
