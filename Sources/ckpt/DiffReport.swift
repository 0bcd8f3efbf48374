import ModelFiles
import Pretrained

/// What `diff` says.
struct DiffReport {
  private let comparison: CheckpointComparison
  private let showsAll: Bool

  init(_ comparison: CheckpointComparison, showsAll: Bool) {
    (self.comparison, self.showsAll) = (comparison, showsAll)
  }

  /// How many of the changed tensors are shown without `--all`.
  private static let shown = 10

  // MARK: JSON

  var json: JSONValue {
    [
      "identical": .bool(comparison.isIdentical),
      "added": .strings(comparison.added.map(\.name)),
      "removed": .strings(comparison.removed.map(\.name)),
      "changed": .array(
        comparison.changed.map { pair in
          [
            "name": .string(pair.name),
            "max_abs": number(pair.difference?.maxAbs),
            "rel_rms": number(pair.difference?.relativeRMS),
            "cosine": number(pair.difference?.cosine),
            "changed_elements": pair.difference.map { .number($0.changedCount) } ?? .null,
            "dtypes": .strings([pair.first.elementType.rawValue, pair.second.elementType.rawValue]),
            "shapes": .array([.integers(pair.first.shape), .integers(pair.second.shape)]),
          ]
        }),
      "config": .array(
        comparison.settings.map { setting in
          ["key": .string(setting.key), "a": setting.first ?? .null, "b": setting.second ?? .null]
        }),
    ]
  }

  /// JSON has no infinity and no NaN.
  private func number(_ value: Double?) -> JSONValue {
    guard let value, value.isFinite else { return .null }
    return .number(value)
  }

  // MARK: For people

  func lines(_ first: String, _ a: Checkpoint, _ second: String, _ b: Checkpoint) -> [String] {
    var head = Table([.left, .left, .left, .left, .right], indent: 0)
    for (letter, name, checkpoint) in [("A", first, a), ("B", second, b)] {
      head.add(
        letter, name, checkpoint.container.format.rawValue, checkpoint.weights.count.counted("tensor"),
        checkpoint.weights.parameterCount.grouped)
    }
    var lines = head.lines
    for (sign, tensors) in [("+", comparison.added), ("-", comparison.removed)] where !tensors.isEmpty {
      let names = tensors.prefix(showsAll ? .max : 6).map { "\($0.name) \($0.shape)" }.joined(separator: "  ")
      let more = showsAll || tensors.count <= 6 ? "" : "  and \(tensors.count - 6) more"
      lines.append("  \(sign) \(names)\(more)")
    }
    let changed = comparison.changed
    let shapes = changed.filter { $0.difference == nil }.count
    let types = comparison.pairs.filter { $0.first.elementType != $0.second.elementType }.count
    lines.append(
      "  = \((comparison.pairs.count - changed.count).grouped) identical   ~ \(changed.count.grouped) changed"
        + (shapes > 0 ? ", \(shapes) in shape" : "")
        + (types > 0 ? "   \(types.counted("tensor")) of another type" : ""))
    if !changed.isEmpty { lines += [""] + table(changed) + layers() }
    if !comparison.settings.isEmpty { lines += [""] + settings() }
    lines.append(comparison.isIdentical ? "identical" : "they differ")
    return lines
  }

  private func table(_ changed: [CheckpointComparison.Pair]) -> [String] {
    func size(_ pair: CheckpointComparison.Pair) -> Double {
      guard let difference = pair.difference, !difference.relativeRMS.isNaN else { return .infinity }
      return difference.relativeRMS
    }
    let sorted = changed.sorted { size($0) == size($1) ? $0.name < $1.name : size($0) > size($1) }
    var table = Table([.left, .right, .right, .right, .right])
    table.add("tensor, largest relative change first", "max |Δ|", "rms Δ/rms", "cosine", "changed")
    for pair in sorted.prefix(showsAll ? .max : Self.shown) {
      guard let difference = pair.difference else {
        table.add(pair.name, "\(pair.first.shape) and \(pair.second.shape)")
        continue
      }
      let share = 100 * Double(difference.changedCount) / Double(max(difference.elementCount, 1))
      table.add(
        pair.name, difference.maxAbs.scientific(1), difference.relativeRMS.scientific(1),
        difference.cosine.fixed(6), difference.changedCount == 0 ? "bits" : "\(share.fixed(1)) %")
    }
    let more =
      showsAll || sorted.count <= Self.shown
      ? [] : ["  and \(sorted.count - Self.shown) more; --all lists them"]
    return table.lines + more
  }

  /// One bar a layer: the largest relative change of a tensor in it.
  private func layers() -> [String] {
    var largest: [Int: Double] = [:]
    for pair in comparison.pairs {
      guard let layer = Self.layer(of: pair.name), let difference = pair.difference else { continue }
      let size = difference.relativeRMS.isFinite ? difference.relativeRMS : 0
      largest[layer] = max(largest[layer] ?? 0, size)
    }
    let top = largest.values.max() ?? 0
    guard largest.count > 1, top > 0 else { return [] }
    let bars = Array("▁▂▃▄▅▆▇█")
    let text = largest.sorted { $0.key < $1.key }.map { layer, size in
      "\(layer) \(size == 0 ? "·" : String(bars[min(bars.count - 1, Int(Double(bars.count) * size / top))]))"
    }
    return ["  per layer, relative: " + text.joined(separator: "  ")]
  }

  private static func layer(of name: String) -> Int? {
    name.split(separator: ".").lazy.compactMap { Int($0) }.first
  }

  private func settings() -> [String] {
    var table = Table([.left, .left, .left])
    for (index, setting) in comparison.settings.enumerated() {
      let change =
        switch (setting.first, setting.second) {
        case (let a?, let b?): "\(Self.brief(a)) → \(Self.brief(b))"
        case (let a?, nil): "\(Self.brief(a)), only in A"
        case (nil, let b?): "\(Self.brief(b)), only in B"
        case (nil, nil): ""
        }
      table.add(index == 0 ? "settings" : "", setting.key, change)
    }
    return table.lines
  }

  private static func brief(_ value: JSONValue) -> String {
    let text = value.line
    return text.count > 60 ? text.prefix(60) + "…" : text
  }
}
