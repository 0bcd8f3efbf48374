/// The globals that torch allows in a checkpoint it loads weights only from.
///
/// A closed list of whole names: a module is never allowed or refused as such, so nothing hides in a submodule or
/// behind a prefix. Even these are only symbols here. Source: `_get_allowed_globals` in
/// `torch/_weights_only_unpickler.py` of torch 2.15.
package enum PickleAllowList {
  /// Whether `name`, as ``fullName(module:name:)`` gives it, is allowed.
  ///
  /// - Parameters:
  ///   - name: the whole name.
  ///   - others: names that are allowed as well.
  package static func contains(_ name: String, or others: Set<String> = []) -> Bool {
    // Strings are equal when they are canonically equivalent, and a few characters are so to an ASCII one.
    name.utf8.allSatisfy { $0 < 0x80 } && (names.contains(name) || others.contains(name))
  }

  /// What NumPy's arrays are made of, for the files in which Trainer allows them.
  ///
  /// Source: `safe_globals` in `transformers/trainer.py` 5.23.
  static let numPyArrays: Set<String> = [
    "numpy._core.multiarray._reconstruct", "numpy.core.multiarray._reconstruct", "numpy.ndarray",
    "numpy.dtype",
  ]

  /// `module.name`, with the module that Python 3 has in place of Python 2's.
  package static func fullName(module: String, name: String) -> String {
    (module == "__builtin__" ? "builtins" : module) + "." + name
  }

  private static let names: Set<String> = {
    var names: Set<String> = [
      "collections.OrderedDict", "collections.Counter", "torch.nn.parameter.Parameter", "torch.Size",
      "torch.Tensor", "torch.device", "torch.serialization._get_layout", "_codecs.encode",
      "builtins.bytearray", "builtins.set", "builtins.complex", "torch._tensor._rebuild_from_type_v2",
      "torch.storage.UntypedStorage", "torch.storage.TypedStorage",
    ]
    let functions = [
      "parameter", "parameter_with_state", "qtensor", "tensor", "tensor_v2", "tensor_v3", "sparse_tensor",
      "meta_tensor_no_storage", "wrapper_subclass", "device_tensor_from_numpy",
      "device_tensor_from_cpu_tensor",
    ]
    names.formUnion(functions.map { "torch._utils._rebuild_" + $0 })
    let plain = ["BFloat16", "Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short"]
    for module in ["torch", "torch.cuda"] {
      names.formUnion((plain + ["ComplexDouble", "ComplexFloat"]).map { "\(module).\($0)Storage" })
      names.formUnion(plain.map { "\(module).\($0)Tensor" })
      names.formUnion(plain.filter { $0 != "Bool" }.map { "\(module).sparse.\($0)Tensor" })
    }
    let quantised = ["QInt32", "QInt8", "QUInt2x4", "QUInt4x2", "QUInt8"]
    names.formUnion(quantised.map { "torch.\($0)Storage" })
    let types = [
      "float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool",
      "complex64",
      "complex128", "complex32", "bcomplex32", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2",
      "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2", "qint8", "qint32", "quint8",
      "quint4x2", "quint2x4", "bits8", "bits16", "bits1x8", "bits2x4", "bits4x2",
    ]
    names.formUnion(types.map { "torch." + $0 })
    for bits in 1..<8 { names.formUnion(["torch.uint\(bits)", "torch.int\(bits)"]) }
    let schemes = ["tensor_affine", "tensor_symmetric", "channel_affine", "channel_symmetric"]
    names.formUnion((schemes + ["channel_affine_float_qparams"]).map { "torch.per_" + $0 })
    return names
  }()
}
