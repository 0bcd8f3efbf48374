import CKernels
import Foundation
import Testing

import Tensors

@Suite("softmax and cross entropy")
struct SoftmaxTests {
  static func softmax(_ row: some Sequence<Double>) -> [Double] {
    let row = Array(row)
    let top = row.max() ?? 0
    let e = row.map { Foundation.exp($0 - top) }
    let sum = e.reduce(0, +)
    return e.map { $0 / sum }
  }

  @Test(
    "is as accurate as torch's, and so is its gradient", arguments: [14, 128, 509], Kernels.available.indices)
  func accuracy(_ columns: Int, _ set: Int) throws {
    let table = Kernels.available[set].set.pointee
    let (x, dy) = (numbers(16 * columns, seed: 3, scale: 40), numbers(16 * columns, seed: 4))
    var (p, dx) = (x, dy)
    table.softmax(&p, columns, nil, 0.125, 16, columns)
    dx.withUnsafeMutableBufferPointer {
      table.softmax_backward(p, $0.baseAddress, $0.baseAddress, columns, 16, columns)
    }
    for index in dx.indices { dx[index] *= 0.125 }
    var (exact, exactGradient): ([Double], [Double]) = ([], [])
    for start in stride(from: 0, to: x.count, by: columns) {
      let row = Self.softmax(x[start..<start + columns].map { Double($0) * 0.125 })
      let dot = zip(row, dy[start...]).reduce(0) { $0 + $1.0 * Double($1.1) }
      exact += row
      exactGradient += zip(row, dy[start...]).map { 0.125 * $0 * (Double($1) - dot) }
    }
    #expect(try largestError(p, exact) <= TorchFixture.bound("softmax_\(columns)"))
    #expect(try largestError(dx, exactGradient) <= TorchFixture.bound("softmax_\(columns).d1"))
  }

  @Test(
    "masked columns are exactly 0 and the rest sums to 1, for every width",
    arguments: Kernels.available.indices)
  func masked(_ set: Int) {
    for columns in 1...67 {
      let stride = columns + 3
      let x = numbers(2 * stride, seed: UInt32(columns), scale: 10)
      var keep = maskBytes(columns, seed: 5)
      keep[columns - 1] = 1
      var p = x
      Kernels.available[set].set.pointee.softmax(&p, stride, keep, 0.5, 2, columns)
      for row in 0..<2 {
        let kept = (0..<columns).filter { keep[$0] != 0 }
        let exact = Self.softmax(kept.map { Double(x[row * stride + $0]) * 0.5 })
        #expect(largestError(kept.map { p[row * stride + $0] }, exact) < 2e-7, "\(columns) columns")
        #expect((0..<columns).allSatisfy { keep[$0] != 0 || p[row * stride + $0].bitPattern == 0 })
        #expect(
          p[row * stride + columns..<(row + 1) * stride] == x[row * stride + columns..<(row + 1) * stride])
      }
    }
  }

  @Test("extreme rows: nothing kept, huge values, NaN", arguments: Kernels.available.indices)
  func extremeRows(_ set: Int) {
    let table = Kernels.available[set].set.pointee
    var none: [Float] = [1, .nan, .infinity]
    table.softmax(&none, 3, [0, 0, 0], 1, 1, 3)
    #expect(none == [0, 0, 0])
    var huge: [Float] = [3e38, -3e38, 3e38, 0]
    table.softmax(&huge, 4, nil, 1, 1, 4)
    #expect(huge == [0.5, 0, 0.5, 0])
    var nan: [Float] = [1, .nan, 2]
    table.softmax(&nan, 3, nil, 1, 1, 3)
    #expect(nan.allSatisfy { $0.isNaN })
    var hidden: [Float] = [1, .nan, 1]
    table.softmax(&hidden, 3, [1, 0, 1], 1, 1, 3)
    #expect(hidden == [0.5, 0, 0.5])
  }

  struct CrossEntropy: Sendable, CustomTestStringConvertible {
    let (rows, columns, smoothing): (Int, Int, Double)
    var testDescription: String { "\(rows) × \(columns), smoothing \(smoothing)" }
  }

  static let crossEntropies = [(8, 3), (4, 30522)].flatMap { rows, columns in
    [0.0, 0.1].map { CrossEntropy(rows: rows, columns: columns, smoothing: $0) }
  }

  @Test("cross entropy is as accurate as torch's", arguments: crossEntropies, Kernels.available.indices)
  func crossEntropy(_ tested: CrossEntropy, _ set: Int) throws {
    let (rows, columns, smoothing) = (tested.rows, tested.columns, tested.smoothing)
    let x = numbers(rows * columns, seed: 9, scale: 12)
    let targets = (0..<rows).map { Int32($0 * 7919 % columns) }
    var losses = [Float](repeating: .nan, count: rows)
    var dx = x
    dx.withUnsafeMutableBufferPointer {
      Kernels.available[set].set.pointee.cross_entropy(
        $0.baseAddress, targets, Float(smoothing), 1 / Float(rows), &losses, $0.baseAddress, rows, columns)
    }
    var (exactLosses, exactGradient): ([Double], [Double]) = ([], [])
    for row in 0..<rows {
      let values = x[row * columns..<(row + 1) * columns].map(Double.init)
      let top = values.reduce(-Double.infinity, max)
      let logSum = top + Foundation.log(values.reduce(0) { $0 + Foundation.exp($1 - top) })
      let negative = values.map { logSum - $0 }
      let target = Int(targets[row])
      exactLosses.append(
        (1 - smoothing) * negative[target] + smoothing / Double(columns) * negative.reduce(0, +))
      for (column, value) in negative.enumerated() {
        let q = smoothing / Double(columns) + (column == target ? 1 - smoothing : 0)
        exactGradient.append((Foundation.exp(-value) - q) / Double(rows))
      }
    }
    let name = "cross_entropy_\(columns)_\(smoothing)"
    #expect(try largestError(losses, exactLosses) <= TorchFixture.bound(name))
    #expect(try largestError(dx, exactGradient) <= TorchFixture.bound(name + ".d1"))
  }

  @Test("rows with a negative target are ignored", arguments: Kernels.available.indices)
  func ignoredRows(_ set: Int) {
    let table = Kernels.available[set].set.pointee
    let x: [Float] = [1, 2, 3, 4, 5, 6]
    var (losses, dx): ([Float], [Float]) = ([7, 7], [7, 7, 7, 7, 7, 7])
    table.cross_entropy(x, [-100, 1], 0, 1, &losses, &dx, 2, 3)
    #expect(losses[0] == 0 && dx[0..<3] == [0, 0, 0])
    // -log softmax(5 of 4, 5, 6) = log(e^-1 + 1 + e)
    #expect(abs(losses[1] - 1.407606) < 1e-6 && abs(dx[4] - (0.24472847 - 1)) < 1e-6)
    var only: [Float] = [7, 7]
    table.cross_entropy(x, [-100, 1], 0, 1, &only, nil, 2, 3)
    #expect(only == losses)
  }

  @Test("the loss of a certain or a hopeless row is finite", arguments: Kernels.available.indices)
  func extremeLogits(_ set: Int) {
    var losses: [Float] = [0, 0]
    Kernels.available[set].set.pointee.cross_entropy(
      [1000, -1000, -1000, 1000], [0, 0], 0, 1, &losses, nil, 2, 2)
    #expect(losses == [0, 2000])
  }
}
