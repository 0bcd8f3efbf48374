import ModelFiles

/// Reads every tensor: its first, middle and last elements, and all of them together when they are few.
///
/// Each is tried, whatever became of those before it: what opening leaves for later is checked here.
func touch(_ source: some MappedWeightSource) {
  // So that many names of one large storage do not take forever.
  var budget = 16 << 20
  for info in source.tensors {
    consume(source.tensor(named: info.name))
    let count = info.elementCount
    attempt {
      // Multiples of 64, at which the elements of packed types begin a byte.
      let first = try read(source, info, 0..<min(count, 64))
      let middle = count / 128 * 64
      _ = try read(source, info, middle..<min(count, middle + 128))
      _ = try read(source, info, max(0, count - 1) / 64 * 64..<count)
      guard info.byteCount < 1 << 20, info.byteCount <= budget else { return }
      budget -= info.byteCount
      let whole = try source.withBytes(of: info.name) { $0.withUnsafeBytes { Array($0) } }
      precondition(whole.count == info.byteCount, "another number of bytes than the tensor has")
      precondition(whole.starts(with: first), "the first elements are others than those of the whole")
      try source.forEachPiece(of: info, byteCount: 1 << 12) { range, bytes in
        precondition(bytes.byteCount == byteCount(of: range.count, info), "a piece of another size")
      }
    }
    if let bytes = source.mappedBytes(of: info.name) {
      precondition(bytes.range.count == info.byteCount, "another range than the tensor has")
      consume(bytes.file.withMemory(in: bytes.range) { $0.withUnsafeBytes { $0.reduce(0, ^) } })
    }
  }
}

private func read(
  _ source: some WeightSource, _ info: TensorInfo, _ range: Range<Int>
) throws -> [UInt8] {
  let bytes = try source.withElements(of: info.name, in: range) { $0.withUnsafeBytes { Array($0) } }
  precondition(bytes.count == byteCount(of: range.count, info), "a range of another size")
  return bytes
}

private func byteCount(of count: Int, _ info: TensorInfo) -> Int {
  (count * info.elementType.bitWidth + 7) / 8
}
