package import ModelFiles

/// A tensor and where in a container its elements lie.
package struct StoredTensor: Sendable {
  /// As readers see it: with the element type that reading gives.
  package var info: TensorInfo
  /// The bytes that hold it, and as a rule other things beside it.
  package var storage: LazyBytes
  package var layout: Layout

  package init(_ info: TensorInfo, in storage: LazyBytes, _ layout: Layout = .contiguous(offset: 0)) {
    (self.info, self.storage, self.layout) = (info, storage, layout)
  }

  /// How the elements lie in the storage. Whoever makes one has checked that every element lies within it.
  package enum Layout: Sendable {
    /// Row-major and little-endian, ready to use, from this byte of the storage on.
    case contiguous(offset: Int)
    /// Element `[i, j, …]` is at `offset + (i · strides[0] + j · strides[1] + …) · element size`, in bytes; the
    /// strides count elements. `swapping`: elements are big-endian.
    case strided(offset: Int, strides: [Int], swapping: Bool)
    /// Quantised in blocks of consecutive elements that decode to F32.
    case blocks(offset: Int, BlockCode)
  }

  /// A code for blocks of elements.
  package struct BlockCode: Sendable {
    /// Divides the number of elements in a row.
    package var elementCount: Int
    package var byteCount: Int
    /// Decodes whole blocks: their bytes, of any alignment, and room for their floats.
    package var decode: @Sendable (UnsafeRawBufferPointer, UnsafeMutableBufferPointer<Float>) -> Void

    package init(
      elementCount: Int, byteCount: Int,
      decode: @escaping @Sendable (UnsafeRawBufferPointer, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
      (self.elementCount, self.byteCount, self.decode) = (elementCount, byteCount, decode)
    }
  }
}
