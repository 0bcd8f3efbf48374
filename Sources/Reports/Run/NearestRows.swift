/// Finds the training rows that are most like a text.
///
/// Texts of numbers are compared by their values, each measured in ranges of the training rows; others by the words
/// they share.
struct NearestRows {
  /// A training row.
  struct Row: Equatable {
    var text: String
    /// Its class, where the run says so.
    var label: Int?
    /// 0 when it is the same.
    var distance: Double
  }

  private let texts: [String]
  private let labels: [Int]
  private let layout: NumberLayout?
  private let values: [[Double]]
  private let words: [Set<Substring>]

  /// The most training rows that are compared: more would take long, and tell no more.
  private static let limit = 20_000

  init(_ run: RunRecord) {
    texts = Array(run.trainTexts.prefix(Self.limit))
    let known = run.description.part("train")?.labels ?? []
    let areUsable = known.count == run.trainTexts.count && known.allSatisfy(run.labels.indices.contains)
    labels = areUsable ? known : []
    layout = NumberLayout(texts)
    values = layout == nil ? [] : texts.map { NumberedText($0).values }
    words = layout == nil ? texts.map { Set($0.split(separator: " ")) } : []
  }

  /// The nearest rows, the first of equally near ones first.
  func rows(near text: String, count: Int = 3) -> [Row] {
    var distances: [Double] = []
    if let layout {
      let own = NumberedText(text).values
      guard own.count == layout.ranges.count, own.allSatisfy(\.isFinite) else { return [] }
      let scales = layout.ranges.map { max($0.upperBound - $0.lowerBound, 1e-9) }
      distances = values.map { row in
        var sum = 0.0
        for index in own.indices {
          let difference = (row[index] - own[index]) / scales[index]
          sum += difference * difference
        }
        return sum.squareRoot()
      }
    } else {
      let own = Set(text.split(separator: " "))
      distances = words.map { row in
        let shared = row.intersection(own).count
        let all = row.count + own.count - shared
        return all == 0 ? 0 : 1 - Double(shared) / Double(all)
      }
    }
    let nearest = distances.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }.prefix(count)
    return nearest.map {
      Row(text: texts[$0], label: labels.isEmpty ? nil : labels[$0], distance: distances[$0])
    }
  }
}
