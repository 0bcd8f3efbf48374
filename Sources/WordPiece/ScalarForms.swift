/// What normalisation makes of single scalars, worked out when one is first met. Takes at most 5 MB.
///
/// Of a run of scalars that have a form, the normalised text is that of each, one after the other.
struct ScalarForms: ~Copyable {
  /// A form in 32 bits: the kind in the lowest three, what goes with it in the others.
  struct Form {
    var bits: UInt32

    enum Kind {
      static let unseen: UInt32 = 0
      /// Part of a word, as it is.
      static let same: UInt32 = 1
      /// Part of a word, spelled otherwise.
      static let spelled: UInt32 = 2
      /// Left out.
      static let dropped: UInt32 = 3
      static let space: UInt32 = 4
      /// A word of its own, with one id.
      static let alone: UInt32 = 5
      /// Its neighbours matter, or it is none of these.
      static let complex: UInt32 = 6
    }

    @inline(__always) var kind: UInt32 { bits & 7 }
    @inline(__always) var id: Int32 { Int32(truncatingIfNeeded: bits >> 3) }
    @inline(__always) var count: Int { Int(bits >> 3 & 31) }
    @inline(__always) var start: Int { Int(bits >> 8) }
  }

  private let pages: UnsafeMutablePointer<UnsafeMutablePointer<UInt32>?>
  /// The spellings, one after the other; readable for 32 bytes from the start of each.
  private(set) var spellings: UnsafeMutablePointer<UInt8>
  private var spellingCount = 0
  private var spellingCapacity = 1024
  private static let pageCount = 0x1100

  init() {
    pages = .allocate(capacity: Self.pageCount)
    pages.initialize(repeating: nil, count: Self.pageCount)
    spellings = .allocate(capacity: spellingCapacity + 32)
    spellings.initialize(repeating: 0, count: spellingCapacity + 32)
  }

  deinit {
    for i in 0..<Self.pageCount { pages[i]?.deallocate() }
    pages.deallocate()
    spellings.deallocate()
  }

  /// The form of a scalar, which may be unseen yet.
  @inline(__always)
  func form(of scalar: UInt32) -> Form {
    guard let page = pages[Int(scalar >> 8)] else { return Form(bits: Form.Kind.unseen) }
    return Form(bits: page[Int(scalar & 0xFF)])
  }

  private mutating func set(_ scalar: UInt32, _ form: Form) {
    let page: UnsafeMutablePointer<UInt32>
    if let known = pages[Int(scalar >> 8)] {
      page = known
    } else {
      page = .allocate(capacity: 256)
      page.initialize(repeating: Form.Kind.unseen, count: 256)
      pages[Int(scalar >> 8)] = page
    }
    page[Int(scalar & 0xFF)] = form.bits
  }

  /// Works out the form of a scalar.
  ///
  /// - Parameter id: gives the only id of a word of one scalar, nil when there is none.
  mutating func learn(
    _ scalar: UInt32, _ source: UnsafeBufferPointer<UInt8>, _ normalizer: Normalizer,
    id: ([UInt8]) -> Int32?
  ) -> Form {
    var form = Form(bits: Form.Kind.complex)
    defer { set(scalar, form) }
    guard !normalizer.reorders(scalar) else { return form }
    var text = NormalizedText()
    normalizer.append(source, first: 0, to: &text)
    let kinds = text.kinds.filter { $0 != .continuation }
    if kinds.isEmpty {
      form.bits = Form.Kind.dropped
    } else if kinds.allSatisfy({ $0 == .word }) {
      if text.bytes.elementsEqual(source) {
        form.bits = Form.Kind.same
      } else if let start = spell(text.bytes) {
        form.bits = Form.Kind.spelled | UInt32(text.bytes.count) << 3 | UInt32(start) << 8
      }
    } else if kinds.allSatisfy({ $0 == .space }) {
      form.bits = Form.Kind.space
    } else if kinds == [.punctuation] || kinds == [.space, .word, .space]
      || kinds == [.space, .punctuation, .space]
    {
      let word = text.bytes.indices.filter { text.kinds[$0] != .space }.map { text.bytes[$0] }
      if let id = id(word), id >= 0, id < 1 << 29 { form.bits = Form.Kind.alone | UInt32(id) << 3 }
    }
    return form
  }

  /// Keeps a spelling; nil when it is too long.
  private mutating func spell(_ bytes: [UInt8]) -> Int? {
    guard bytes.count < 32, spellingCount < 1 << 24 else { return nil }
    if spellingCount + bytes.count > spellingCapacity {
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * spellingCapacity + 32)
      larger.initialize(repeating: 0, count: 2 * spellingCapacity + 32)
      larger.update(from: spellings, count: spellingCount)
      spellings.deallocate()
      spellings = larger
      spellingCapacity *= 2
    }
    let start = spellingCount
    for byte in bytes {
      spellings[spellingCount] = byte
      spellingCount += 1
    }
    return start
  }
}
