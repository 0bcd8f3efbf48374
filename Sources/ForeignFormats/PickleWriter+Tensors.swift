import ModelFiles

extension PickleWriter {
  /// - Throws: a fault for a tensor that torch could not have.
  static func check(_ info: TensorInfo) throws(PyTorchError.Fault) {
    guard info.elementType.torchName != nil else {
      throw .unsupportedElementType(name: info.name, type: info.elementType.rawValue)
    }
    guard info.shape.allSatisfy({ $0 >= 0 }) else {
      throw .negativeDimension(name: info.name, shape: info.shape)
    }
    var byteCount = info.elementType.bitWidth / 8
    for size in info.shape where size > 0 {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
      if overflow { throw .shapeOverflow(name: info.name, shape: info.shape) }
      byteCount = product
    }
  }

  /// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`, or `_v3`, of torch 2.1 and later, with
  /// the dtype at the end, for the types that have no storage class.
  mutating func tensor(_ info: TensorInfo, storage key: Int) throws(PyTorchError.Fault) {
    guard let dtype = info.elementType.torchName else {
      throw .unsupportedElementType(name: info.name, type: info.elementType.rawValue)
    }
    let storageClass = info.elementType.torchStorageClass
    global("torch._utils", storageClass == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    operation(.mark)
    operation(.mark)
    word("storage")
    if let storageClass { global("torch", storageClass) } else { global("torch.storage", "UntypedStorage") }
    text(String(key))
    word("cpu")
    integer(storageClass == nil ? info.byteCount : info.elementCount)
    operation(.tuple)
    operation(.binpersid)
    integer(0)
    integers(info.shape)
    integers(Self.strides(of: info.shape))
    bool(false)
    orderedDictionary()
    if storageClass == nil { global("torch", dtype) }
    operation(.tuple)
    operation(.reduce)
  }

  /// As torch counts them: a dimension of zero counts as one.
  private static func strides(of shape: [Int]) -> [Int] {
    var (strides, stride): ([Int], Int) = ([], 1)
    for size in shape.reversed() {
      strides.append(stride)
      stride *= max(size, 1)
    }
    return strides.reversed()
  }
}
