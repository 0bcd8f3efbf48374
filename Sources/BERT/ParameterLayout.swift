/// Where each parameter lies in a flat block of floats; gradients and moments use the same offsets.
///
/// First the embedding tables, then every other weight that decays, then those that do not. A layer's query, key and
/// value weights follow one another without a gap, and so do their biases, so that one product can use all three.
/// Everything else begins at a multiple of 16 floats.
package struct ParameterLayout: Sendable {
  /// One parameter.
  package struct Segment: Sendable {
    package let name: String
    /// Floats from the start of the block.
    package let offset: Int
    package let count: Int
    package let decays: Bool
  }

  package let segments: [Segment]
  /// Floats of the block, gaps included.
  package let count: Int
  /// The embedding tables.
  package let embeddingRange: Range<Int>
  /// The other weights that decay.
  package let decayRange: Range<Int>
  /// The weights that do not decay.
  package let plainRange: Range<Int>
  private let indexByName: [String: Int]

  package init(_ table: WeightTable) {
    var segments: [Segment] = []
    var end = 0
    func align() { end = (end + 15) / 16 * 16 }
    func place(_ spec: WeightSpec) {
      let isFollower = spec.name.contains(".self.key.") || spec.name.contains(".self.value.")
      if !isFollower { align() }
      segments.append(Segment(name: spec.name, offset: end, count: spec.elementCount, decays: spec.decays))
      end += spec.elementCount
    }
    func range(_ specs: [WeightSpec]) -> Range<Int> {
      align()
      let start = end
      specs.forEach(place)
      align()
      return start..<end
    }
    let isTable: (WeightSpec) -> Bool = { $0.part == .embeddings && $0.decays }
    embeddingRange = range(table.specs.filter(isTable))
    decayRange = range(table.specs.filter { $0.decays && !isTable($0) })
    plainRange = range(table.specs.filter { !$0.decays })
    self.segments = segments
    count = end
    indexByName = Dictionary(uniqueKeysWithValues: segments.indices.map { (segments[$0].name, $0) })
  }

  /// Where the parameter called `name` begins.
  ///
  /// - Precondition: it is one of the model's.
  package func offset(of name: String) -> Int {
    guard let index = indexByName[name] else { preconditionFailure("no parameter is called \(name)") }
    return segments[index].offset
  }
}
