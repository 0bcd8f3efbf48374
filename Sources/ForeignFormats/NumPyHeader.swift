import ModelFiles

/// What stands before the elements of a NumPy array: its type, shape and order.
///
/// Source: NumPy, `numpy/lib/_format_impl.py`, `_read_array_header` and `_write_array_header`; NEP 1.
struct NumPyHeader: Hashable, Sendable {
  var elementType: ElementType
  var isBigEndian = false
  /// The first index changes fastest.
  var isFortranOrder = false
  var shape: [Int]
  /// The elements follow behind so many bytes.
  var byteCount: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// The most bytes the text may have; NumPy's own limit, unless it is told to trust a file.
  static let maximumTextByteCount = 10_000
  /// The bytes that hold any header that is accepted.
  static let windowByteCount = 12 + maximumTextByteCount
  /// NumPy's own limit.
  static let maximumRank = 64

  /// Reads the header of a `.npy` file.
  ///
  /// - Parameters:
  ///   - window: its first ``windowByteCount`` bytes, or all it has.
  ///   - fileByteCount: how many it has.
  init(_ window: [UInt8], fileByteCount: Int) throws(NumPyError.Fault) {
    guard window.starts(with: Self.magic), window.count >= 10 else { throw .notNumPy }
    let (major, minor) = (window[6], window[7])
    guard (1...3).contains(major), minor == 0 else { throw .unknownVersion(major: major, minor: minor) }
    let start = major == 1 ? 10 : 12
    guard window.count >= start else { throw .headerBeyondFile(byteCount: start, available: window.count) }
    let length = window[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Self.maximumTextByteCount else {
      throw .headerTooLong(byteCount: length, limit: Self.maximumTextByteCount)
    }
    byteCount = start + length
    guard byteCount <= window.count else {
      throw .headerBeyondFile(byteCount: byteCount, available: window.count)
    }
    // Python 2 wrote its long integers with an L; version 3 is younger.
    var parser = Parser(bytes: window[..<byteCount], position: start, allowsLong: major < 3)
    let fields = try parser.dictionary()
    (elementType, isBigEndian) = try Self.elementType(fields.type)
    (isFortranOrder, shape) = (fields.isFortranOrder, fields.shape)

    guard shape.count <= Self.maximumRank else {
      throw .tooManyDimensions(shape.count, limit: Self.maximumRank)
    }
    guard let bits = bitCount(of: shape, elementType) else { throw .shapeOverflow(shape) }
    let (expected, overflow) = byteCount.addingReportingOverflow(bits / 8)
    if overflow { throw .shapeOverflow(shape) }
    guard expected == fileByteCount else {
      throw .wrongByteCount(expected: expected, found: fileByteCount)
    }
  }

  /// The distance of neighbours along each dimension, in elements.
  var strides: [Int] {
    var strides = shape
    var product = 1
    for dimension in isFortranOrder ? Array(shape.indices) : shape.indices.reversed() {
      strides[dimension] = product
      product *= max(1, shape[dimension])
    }
    return strides
  }

  /// How the elements lie from `byteCount` on.
  var layout: StoredTensor.Layout {
    let isRowMajor = !isFortranOrder || shape.count { $0 > 1 } <= 1
    if isRowMajor && !isBigEndian { return .contiguous(offset: byteCount) }
    return .strided(offset: byteCount, strides: strides, swapping: isBigEndian)
  }

  private static func elementType(_ text: String) throws(NumPyError.Fault) -> (ElementType, Bool) {
    let orders: [UInt8] = Array("<>=|".utf8)
    let order = text.utf8.first.flatMap { orders.contains($0) ? $0 : nil }
    let code = String(decoding: order == nil ? text.utf8[...] : text.utf8.dropFirst(), as: UTF8.self)
    if code.utf8.first == UInt8(ascii: "O") { throw .pickledObjects }
    guard let type = codes.first(where: { $0.code == code })?.type else { throw .unsupportedType(text) }
    // Two bytes of no type have no order either.
    let isBigEndian = order == UInt8(ascii: ">") && type.bitWidth > 8 && type != .bfloat16
    return (type, isBigEndian)
  }

  /// NumPy's codes. V2 is two bytes of no type, which is all that NumPy keeps of the bfloat16 of ml_dtypes.
  private static let codes: [(code: String, type: ElementType)] = [
    ("b1", .bool), ("i1", .int8), ("u1", .uint8), ("i2", .int16), ("u2", .uint16), ("i4", .int32),
    ("u4", .uint32), ("i8", .int64), ("u8", .uint64), ("f2", .float16), ("f4", .float32), ("f8", .float64),
    ("c8", .complex64), ("V2", .bfloat16),
  ]

  /// The header NumPy writes for a tensor, padded to a multiple of 64 bytes.
  static func bytes(for info: TensorInfo) throws(NumPyError.Fault) -> [UInt8] {
    guard let code = codes.first(where: { $0.type == info.elementType })?.code else {
      throw .inexpressible(info.elementType)
    }
    let order = info.elementType.bitWidth == 8 ? "|" : "<"
    let sizes = info.shape.map(String.init)
    let shape = sizes.count == 1 ? "(\(sizes[0]),)" : "(" + sizes.joined(separator: ", ") + ")"
    var text = Array("{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': \(shape), }".utf8)
    // Room for the first dimension to grow to 21 digits.
    if let first = sizes.first { text += repeatElement(UInt8(ascii: " "), count: 21 - first.utf8.count) }
    let start = 10
    text += repeatElement(UInt8(ascii: " "), count: 64 - (start + text.count + 1) % 64)
    text.append(UInt8(ascii: "\n"))
    return magic + [1, 0] + UInt16(text.count).littleEndianBytes + text
  }
}

/// The text: the literal of a Python dictionary of three keys, in any order.
private struct Parser {
  let bytes: ArraySlice<UInt8>
  var position: Int
  let allowsLong: Bool

  struct Fields {
    var type: String
    var isFortranOrder: Bool
    var shape: [Int]
  }

  mutating func dictionary() throws(NumPyError.Fault) -> Fields {
    var (type, isFortranOrder, shape): (String?, Bool?, [Int]?)
    try expect("{", "a dictionary")
    while !accept("}") {
      let key = try string("a key")
      try expect(":", "a colon")
      switch key {
      case "descr":
        if type != nil { throw .duplicateKey(key) }
        // A list of fields, or an element type with a shape.
        if next == UInt8(ascii: "[") || next == UInt8(ascii: "(") { throw .structuredType }
        type = try string("the name of a type")
      case "fortran_order":
        if isFortranOrder != nil { throw .duplicateKey(key) }
        isFortranOrder = try boolean()
      case "shape":
        if shape != nil { throw .duplicateKey(key) }
        shape = try tuple()
      default: throw .unknownKey(key)
      }
      if !accept(",") {
        try expect("}", "a comma or the end of the dictionary")
        break
      }
    }
    guard next == nil else { throw malformed("nothing but space") }
    guard let type else { throw .missingKey("descr") }
    guard let isFortranOrder else { throw .missingKey("fortran_order") }
    guard let shape else { throw .missingKey("shape") }
    return Fields(type: type, isFortranOrder: isFortranOrder, shape: shape)
  }

  /// The next byte that is no space; nil at the end.
  private var next: UInt8? {
    mutating get {
      while position < bytes.endIndex, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
      return position < bytes.endIndex ? bytes[position] : nil
    }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar, _ what: String) throws(NumPyError.Fault) {
    guard accept(character) else { throw malformed(what) }
  }

  private func malformed(_ expected: String) -> NumPyError.Fault {
    .malformedHeader(offset: position, expected: expected)
  }

  /// Printable ASCII between quotes, without escapes.
  private mutating func string(_ what: String) throws(NumPyError.Fault) -> String {
    guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw malformed(what)
    }
    let content = bytes[(position + 1)...].prefix { $0 != quote }
    let isPlain = content.allSatisfy { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "\\") }
    guard isPlain, content.endIndex < bytes.endIndex else { throw malformed(what) }
    position = content.endIndex + 1
    return String(decoding: content, as: UTF8.self)
  }

  private mutating func boolean() throws(NumPyError.Fault) -> Bool {
    _ = next
    for (word, value) in [("True", true), ("False", false)] where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw malformed("True or False")
  }

  private mutating func tuple() throws(NumPyError.Fault) -> [Int] {
    try expect("(", "a tuple")
    var sizes: [Int] = []
    while !accept(")") {
      sizes.append(try integer())
      if accept(",") { continue }
      // (3) is a number in parentheses.
      guard sizes.count != 1 else { throw malformed("a comma, as a tuple of one number has") }
      try expect(")", "a comma or the end of the tuple")
      break
    }
    return sizes
  }

  private mutating func integer() throws(NumPyError.Fault) -> Int {
    _ = next
    let digits = bytes[position...].prefix { (0x30...0x39).contains($0) }
    let hasLeadingZero = digits.count > 1 && digits.first == 0x30
    guard !hasLeadingZero, let value = Int(String(decoding: digits, as: UTF8.self)) else {
      throw malformed("a size below 2^63")
    }
    position = digits.endIndex
    if allowsLong, position < bytes.endIndex, bytes[position] == UInt8(ascii: "L") { position += 1 }
    return value
  }
}
