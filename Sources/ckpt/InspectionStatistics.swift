import Pretrained

/// What the values of every tensor are like, and which tensors are equal bit for bit.
struct InspectionStatistics {
  private var values: [String: TensorStatistics] = [:]
  /// Groups of names whose tensors have the same type, shape and bytes; not those that are zero or one throughout.
  private(set) var identical: [[String]] = []

  /// Reads every tensor.
  ///
  /// - Throws: the container's errors.
  init(_ weights: CheckpointWeights) throws {
    var alike: [TensorInfoKey: [TensorInfo]] = [:]
    for info in weights {
      let statistics = try TensorStatistics(info, in: weights)
      values[info.name] = statistics
      guard statistics.minimum < statistics.maximum else { continue }
      alike[TensorInfoKey(info, statistics), default: []].append(info)
    }
    for candidates in alike.values where candidates.count > 1 {
      var groups: [[TensorInfo]] = []
      for info in candidates {
        let place = try groups.firstIndex { try weights.areIdentical($0[0], info) }
        if let place { groups[place].append(info) } else { groups.append([info]) }
      }
      identical += groups.filter { $0.count > 1 }.map { $0.map(\.name).sorted() }
    }
    identical.sort { $0[0] < $1[0] }
  }

  /// What equal tensors have in common.
  private struct TensorInfoKey: Hashable {
    var type: ElementType
    var shape: [Int]
    var statistics: TensorStatistics

    init(_ info: TensorInfo, _ statistics: TensorStatistics) {
      (type, shape, self.statistics) = (info.elementType, info.shape, statistics)
    }
  }

  subscript(name: String) -> TensorStatistics? { values[name] }

  static func json(_ statistics: TensorStatistics) -> JSONValue {
    func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
    return [
      "mean": number(statistics.mean), "std": number(statistics.standardDeviation),
      "min": number(statistics.minimum), "max": number(statistics.maximum),
      "zeros": .number(statistics.zeroCount), "nan": .number(statistics.nanCount),
      "inf": .number(statistics.infinityCount),
    ]
  }

  func lines(_ weights: CheckpointWeights) -> [String] {
    var table = Table([.left, .left, .left, .right, .right, .right, .right, .right, .right])
    table.add("tensor", "type", "shape", "mean", "std", "min", "max", "zeros", "NaN, Inf")
    for info in weights {
      guard let of = values[info.name], of.count > 0 else {
        table.add(info.name, info.elementType.rawValue, "\(info.shape)")
        continue
      }
      let bad = of.nanCount + of.infinityCount
      table.add(
        info.name, info.elementType.rawValue, "\(info.shape)", of.mean.scientific(2),
        of.standardDeviation.scientific(2),
        of.minimum.scientific(2), of.maximum.scientific(2), of.zeroCount.grouped, bad == 0 ? "" : bad.grouped)
    }
    return table.lines
  }
}
