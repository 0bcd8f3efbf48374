package import ModelFiles
import Tensors

/// The values of every parameter of a model.
///
/// A mapped store points into the pages of the checkpoint and owns what could not be used there; it is for
/// reading only, and writing through its pointers ends the process. A flat store has everything in one block
/// and can be trained. Whoever trains it must be its only user, which the type cannot check.
package final class ParameterStore: @unchecked Sendable {
  /// Where the values lie.
  package enum Storage: Sendable {
    /// In the file's pages where they are F32 and aligned there; converted or new ones in a block beside.
    case mapped
    /// In one block, in the order of ``ParameterLayout``.
    case flat
  }

  package let table: WeightTable
  /// Where the parameters lie in ``flat``; nil in a mapped store.
  package let layout: ParameterLayout?
  private let pointers: [UnsafeMutablePointer<Float>]  // one for each of table.specs
  private let block: MemoryBlock
  /// Kept mapped for the pointers into them.
  private let files: [MappedFile]
  /// Copies of the encoder's linear layers for inference; nil where they are read as they lie.
  let prepared: PreparedLayers?

  init(
    table: WeightTable, layout: ParameterLayout?, pointers: [UnsafeMutablePointer<Float>], block: MemoryBlock,
    files: [MappedFile], prepared: PreparedLayers? = nil
  ) {
    (self.table, self.layout, self.pointers) = (table, layout, pointers)
    (self.block, self.files, self.prepared) = (block, files, prepared)
  }

  /// The same parameters with prepared copies.
  func with(_ prepared: PreparedLayers) -> ParameterStore {
    ParameterStore(
      table: table, layout: layout, pointers: pointers, block: block, files: files, prepared: prepared)
  }

  /// The values of a parameter, row-major.
  ///
  /// - Precondition: the table has a parameter of this name.
  package subscript(name: String) -> UnsafeMutablePointer<Float> {
    guard let index = table.index(of: name) else { preconditionFailure("no parameter is named '\(name)'") }
    return pointers[index]
  }

  /// All values of a flat store, `layout.count` floats; nil in a mapped one.
  package var flat: UnsafeMutablePointer<Float>? {
    layout.map { block.floats(at: 0, count: $0.count) }
  }

  /// Bytes of memory that are this store's own, not the file's.
  package var ownedByteCount: Int { block.byteCount + (prepared?.byteCount ?? 0) }

  /// A flat store of its own with the same values. Pages of files are let go once they have been copied, so that the
  /// weights are not in this process's memory twice.
  ///
  /// - Throws: `MemoryError`.
  package func copyFlat() throws -> ParameterStore {
    let layout = ParameterLayout(table)
    let block = try MemoryBlock(byteCount: layout.count * MemoryLayout<Float>.stride)
    let targets = table.specs.map { block.floats(at: layout.offset(of: $0.name), count: $0.elementCount) }
    for (index, spec) in table.specs.enumerated() {
      targets[index].update(from: pointers[index], count: spec.elementCount)
      for file in files {
        guard let offset = file.offset(of: pointers[index]) else { continue }
        file.release(offset..<offset + spec.elementCount * MemoryLayout<Float>.stride)
      }
    }
    // Once more, for pages on the borders, and those that were still being brought in.
    for file in files { file.release(0..<file.byteCount) }
    return ParameterStore(table: table, layout: layout, pointers: targets, block: block, files: [])
  }
}

// MARK: - For writing

extension ParameterStore: WeightSource {
  /// Every parameter under its Hugging Face name, F32, in the order of the table.
  ///
  /// An untied decoder is followed by its bias under the decoder's name too: transformers 5 looks for it
  /// there when the configuration unties them.
  package var tensors: [TensorInfo] {
    var tensors = table.specs.map { TensorInfo(name: $0.name, elementType: .float32, shape: $0.shape) }
    if let bias = tensor(named: WeightTable.decoderBias) { tensors.append(bias) }
    return tensors
  }

  package func tensor(named name: String) -> TensorInfo? {
    guard let index = index(ofTensor: name) else { return nil }
    return TensorInfo(name: name, elementType: .float32, shape: table.specs[index].shape)
  }

  /// Calls `body` with the values of a parameter, without copying them.
  ///
  /// - Throws: ``BERTLoadError/noSuchWeight(_:nearest:)``; what `body` throws.
  package func withBytes<Result>(of name: String, _ body: (RawSpan) throws -> Result) throws -> Result {
    guard let index = index(ofTensor: name) else {
      throw BERTLoadError.noSuchWeight(name, nearest: nearestNames(to: name, in: table.specs.map(\.name)))
    }
    let byteCount = table.specs[index].elementCount * MemoryLayout<Float>.stride
    return try body(UnsafeRawBufferPointer(start: pointers[index], count: byteCount).bytes)
  }

  private func index(ofTensor name: String) -> Int? {
    let isUntiedBias = table.hasUntiedDecoder && name == WeightTable.decoderBias
    return table.index(of: isUntiedBias ? WeightTable.predictionBias : name)
  }
}
