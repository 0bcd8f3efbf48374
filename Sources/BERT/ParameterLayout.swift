/// Where each parameter lies in a flat block of floats; gradients and moments use the same offsets.
///
/// First the three embedding tables, of which a step touches few rows; then every other tensor that decays;
/// then those that do not. Query, key and value of a layer follow one another without a gap, weights and
/// biases, so that one product serves all three; everything else starts at a multiple of 64 bytes.
package struct ParameterLayout: Sendable {
  /// One parameter.
  package struct Segment: Sendable, Equatable {
    package let name: String
    /// Floats from the start of the block.
    package let offset: Int
    package let count: Int
    package let decays: Bool
  }

  /// In the order of their offsets.
  package let segments: [Segment]
  /// Floats, with padding.
  package let count: Int
  /// The word, position and token type tables.
  package let embeddingRange: Range<Int>
  /// Every other tensor that decays.
  package let decayRange: Range<Int>
  /// The biases and layer normalisations.
  package let plainRange: Range<Int>
  private let offsets: [String: Int]

  /// Floats in 64 bytes, a cache line and the widest vector.
  static let alignment = 16

  package init(_ table: WeightTable) {
    var segments: [Segment] = []
    var end = 0
    func append(_ isMember: (WeightSpec) -> Bool) -> Range<Int> {
      let start = end
      for spec in table.specs where isMember(spec) {
        if !spec.followsQueryOrKey { end = Self.aligned(end) }
        segments.append(Segment(name: spec.name, offset: end, count: spec.elementCount, decays: spec.decays))
        end += spec.elementCount
      }
      end = Self.aligned(end)
      return start..<end
    }
    embeddingRange = append { $0.part == .embeddings && $0.decays }
    decayRange = append { $0.part != .embeddings && $0.decays }
    plainRange = append { !$0.decays }
    (self.segments, count) = (segments, end)
    offsets = Dictionary(segments.map { ($0.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  /// The offset of a parameter, in floats.
  ///
  /// - Precondition: the table has a parameter of this name.
  package func offset(of name: String) -> Int {
    guard let offset = offsets[name] else { preconditionFailure("no parameter is named '\(name)'") }
    return offset
  }

  /// The next multiple of ``alignment``.
  static func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
}

extension WeightSpec {
  /// Whether this is a key or value tensor: its neighbour among those of its kind is then the query or key.
  fileprivate var followsQueryOrKey: Bool { name.contains(".attention.self.") && !name.contains(".query.") }
}
