import ForeignFormats
import ModelFiles

extension Verification {
  /// Reads every tensor: checksums, NaN and infinity.
  mutating func checkData(
    _ checkpoint: Checkpoint, _ progress: (_ done: Int, _ total: Int) throws -> Void
  ) throws {
    let weights = checkpoint.weights
    let total = weights.byteCount
    let before = findings.count
    var (done, values) = (0, 0)
    for info in weights {
      do {
        let statistics = try TensorStatistics(info, in: weights)
        values += statistics.count
        let place = "\(checkpoint.container.path), tensor '\(info.name)'"
        if statistics.nanCount > 0 {
          findings.append(
            .init(
              .error, "nan",
              "\(Self.counted(statistics.nanCount, "value")) of \(info.elementCount) are NaN; "
                + "the training diverged or the file is damaged, go back to an earlier checkpoint", at: place)
          )
        }
        if statistics.infinityCount > 0 {
          findings.append(
            .init(
              .error, "infinity",
              "\(Self.counted(statistics.infinityCount, "value")) of \(info.elementCount) "
                + "are infinite; was the model cast to F16? convert it again to BF16 or F32", at: place))
        }
      } catch {
        findings.append(
          .init(
            .error, Self.code(of: error), "\(error)",
            at: "\(checkpoint.container.path), tensor '\(info.name)'"))
      }
      done += info.byteCount
      try progress(done, total)
    }
    close(
      "data", "\(Self.counted(weights.count, "tensor")) read, \(values) values, none NaN or infinite",
      since: before)
  }

  /// What the reader of the format found unusual, and what it had to leave out.
  mutating func checkContainer(_ checkpoint: Checkpoint) {
    let container = checkpoint.container
    let before = findings.count
    for finding in container.findings {
      findings.append(.init(.note, "unusual", finding, at: container.path))
    }
    for left in container.leftOut {
      findings.append(
        .init(.note, "leftOut", "'\(left.name)' is not read: \(left.reason)", at: container.path))
    }
    close(
      "container",
      "\(container.format.rawValue), every byte accounted for, \(Self.counted(container.files.count, "file"))",
      since: before)
  }

  static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}

/// What the values of a tensor are like.
public struct TensorStatistics: Sendable, Hashable {
  /// All elements of a numeric tensor; 0 for element types that are no numbers here.
  public private(set) var count = 0
  public private(set) var nanCount = 0
  public private(set) var infinityCount = 0
  public private(set) var zeroCount = 0
  /// Of the finite values; infinite where there are none.
  public private(set) var minimum = Double.infinity
  public private(set) var maximum = -Double.infinity
  private var (sum, squares) = (0.0, 0.0)

  private var finiteCount: Int { count - nanCount - infinityCount }

  /// Of the finite values; NaN where there are none.
  public var mean: Double { finiteCount == 0 ? .nan : sum / Double(finiteCount) }

  /// The standard deviation of the finite values, divided by their number; NaN where there are none.
  public var standardDeviation: Double {
    guard finiteCount > 0 else { return .nan }
    return max(0, squares / Double(finiteCount) - mean * mean).squareRoot()
  }

  /// Reads a tensor, some elements at a time.
  ///
  /// - Throws: the container's errors.
  public init(_ info: TensorInfo, in weights: some WeightSource) throws {
    let step = 1 << 15
    let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: step)
    defer { values.deallocate() }
    try weights.forEachPiece(of: info, byteCount: step * info.elementType.bitWidth / 8) { range, bytes in
      guard info.elementType.isNumeric else { return }
      let part = UnsafeMutableBufferPointer(rebasing: values[..<range.count])
      try info.elementType.doubles(bytes, into: part)
      add(UnsafeBufferPointer(part))
    }
  }

  private mutating func add(_ values: UnsafeBufferPointer<Double>) {
    // Whole pieces first: a NaN or an infinity makes the sum one, and only then is each looked at.
    var (total, totalSquares, zeros) = (0.0, 0.0, 0)
    var (low, high) = (minimum, maximum)
    for value in values {
      total += value
      totalSquares += value * value
      zeros += value == 0 ? 1 : 0
      low = value < low ? value : low
      high = value > high ? value : high
    }
    count += values.count
    zeroCount += zeros
    if totalSquares.isFinite {
      (minimum, maximum) = (low, high)
      sum += total
      squares += totalSquares
      return
    }
    for value in values {
      if value.isNaN {
        nanCount += 1
      } else if value.isInfinite {
        infinityCount += 1
      } else {
        (minimum, maximum) = (min(minimum, value), max(maximum, value))
        sum += value
        squares += value * value
      }
    }
  }
}
