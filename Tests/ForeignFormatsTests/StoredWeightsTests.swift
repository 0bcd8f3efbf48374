import ForeignFormats
import ModelFiles
import Testing

@Suite("tensors, however they lie in a container")
struct StoredWeightsTests {
  /// 24 elements of two bytes, their numbers, in a file.
  private func storage(_ folder: TemporaryFolder, access: FileAccess) throws -> LazyBytes {
    let bytes = (0..<24).flatMap { (number: UInt8) -> [UInt8] in [number, 0] }
    let file = try MappedFile(path: folder.write("numbers", bytes), access: access)
    return LazyBytes(MappedBytes(file: file, range: 0..<48))
  }

  private func numbers(_ span: RawSpan) -> [Int] {
    span.withUnsafeBytes { bytes in
      (0..<bytes.count / 2).map { Int(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) }
    }
  }

  static let strided: [(shape: [Int], strides: [Int], offset: Int)] = [
    ([4, 6], [6, 1], 0), ([6, 4], [1, 6], 0), ([2, 3, 4], [1, 2, 6], 0), ([3, 2], [8, 2], 3), ([5], [0], 7),
    ([], [], 9), ([0, 3], [3, 1], 0), ([2, 0], [1, 1], 0),
  ]

  @Test("a strided view gives its elements in row-major order, any range of them", arguments: strided.indices)
  func stridedViews(index: Int) throws {
    let (shape, strides, offset) = Self.strided[index]
    let info = TensorInfo(name: "x", elementType: .uint16, shape: shape)
    var expected = [offset]
    for (size, stride) in zip(shape, strides) {
      expected = expected.flatMap { start in (0..<size).map { start + $0 * stride } }
    }
    let folder = try TemporaryFolder()
    for access in [FileAccess.mapped, .copied, .pread] {
      let layout = StoredTensor.Layout.strided(offset: 2 * offset, strides: strides, swapping: false)
      let weights = try StoredWeights(
        path: "x", [StoredTensor(info, in: storage(folder, access: access), layout)])
      for start in 0...expected.count {
        for end in start...expected.count {
          let found = try weights.withElements(of: "x", in: start..<end) { numbers($0) }
          #expect(found == Array(expected[start..<end]), "\(start)..<\(end)")
        }
      }
    }
  }

  @Test("big-endian elements are swapped")
  func swapped() throws {
    let folder = try TemporaryFolder()
    let info = TensorInfo(name: "x", elementType: .uint16, shape: [3])
    let weights = try StoredWeights(
      path: "x",
      [
        StoredTensor(
          info, in: storage(folder, access: .mapped), .strided(offset: 2, strides: [1], swapping: true))
      ])
    #expect(try weights.withBytes(of: "x") { numbers($0) } == [256, 512, 768])
  }

  @Test("a name that is there twice, and one that is not there, are errors")
  func names() throws {
    let folder = try TemporaryFolder()
    let storage = try storage(folder, access: .mapped)
    let tensor = StoredTensor(TensorInfo(name: "pooler", elementType: .uint16, shape: [2]), in: storage)
    #expect(throws: StoredWeightsError(path: "f", .duplicateName("pooler", index: 1))) {
      try StoredWeights(path: "f", [tensor, tensor])
    }
    let weights = try StoredWeights(path: "f", [tensor])
    #expect(throws: StoredWeightsError(path: "f", .noSuchTensor("poler", nearest: ["pooler"]))) {
      try weights.withBytes(of: "poler") { _ in }
    }
  }

  @Test("a file that became shorter is an error, mapped or not", arguments: [FileAccess.mapped, .pread])
  func shortened(access: FileAccess) throws {
    let folder = try TemporaryFolder()
    let info = TensorInfo(name: "x", elementType: .uint16, shape: [24])
    let weights = try StoredWeights(path: "x", [StoredTensor(info, in: storage(folder, access: access))])
    try folder.truncate("numbers", to: 10)
    #expect(throws: SystemError.self) { try weights.withBytes(of: "x") { _ in } }
  }
}
