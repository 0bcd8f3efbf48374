/// Every operation of every pickle protocol, 0 to 5.
///
/// Source: CPython's `Lib/pickletools.py`, whose names these are in camel case.
package enum PickleOpcode: UInt8, Sendable, CaseIterable {
  case mark = 0x28
  case emptyTuple = 0x29
  case stop = 0x2E
  case pop = 0x30
  case popMark = 0x31
  case dup = 0x32
  case binbytes = 0x42
  case shortBinbytes = 0x43
  case float = 0x46
  case binfloat = 0x47
  case int = 0x49
  case binint = 0x4A
  case binint1 = 0x4B
  case long = 0x4C
  case binint2 = 0x4D
  case none = 0x4E
  case persid = 0x50
  case binpersid = 0x51
  case reduce = 0x52
  case string = 0x53
  case binstring = 0x54
  case shortBinstring = 0x55
  case unicode = 0x56
  case binunicode = 0x58
  case emptyList = 0x5D
  case append = 0x61
  case build = 0x62
  case global = 0x63
  case dict = 0x64
  case appends = 0x65
  case get = 0x67
  case binget = 0x68
  case inst = 0x69
  case longBinget = 0x6A
  case list = 0x6C
  case obj = 0x6F
  case put = 0x70
  case binput = 0x71
  case longBinput = 0x72
  case setitem = 0x73
  case tuple = 0x74
  case setitems = 0x75
  case emptyDict = 0x7D
  case proto = 0x80
  case newobj = 0x81
  case ext1 = 0x82
  case ext2 = 0x83
  case ext4 = 0x84
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newtrue = 0x88
  case newfalse = 0x89
  case long1 = 0x8A
  case long4 = 0x8B
  case shortBinunicode = 0x8C
  case binunicode8 = 0x8D
  case binbytes8 = 0x8E
  case emptySet = 0x8F
  case additems = 0x90
  case frozenset = 0x91
  case newobjEx = 0x92
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95
  case bytearray8 = 0x96
  case nextBuffer = 0x97
  case readonlyBuffer = 0x98

  /// The name in `pickletools`: `SHORT_BINUNICODE`.
  package var name: String {
    var name = ""
    for character in String(describing: self) {
      if character.isUppercase { name.append("_") }
      name += character.uppercased()
    }
    return name
  }

  /// Whether torch reads it when it loads weights only (`torch/_weights_only_unpickler.py`); 34 are.
  package var isRead: Bool {
    switch self {
    case .proto, .stop, .mark, .global, .reduce, .build, .newobj, .binpersid, .none, .newtrue, .newfalse,
      .binint, .binint1, .binint2, .long1, .binfloat, .binunicode, .shortBinstring, .tuple, .tuple1, .tuple2,
      .tuple3, .emptyTuple, .emptyList, .emptyDict, .emptySet, .append, .appends, .setitem, .setitems,
      .binput, .longBinput, .binget, .longBinget:
      true
    default: false
    }
  }

  /// What follows the byte of the operation.
  enum Argument {
    case none
    /// This many bytes.
    case fixed(Int)
    /// A little-endian length of this many bytes, then as many bytes as it says.
    case counted(width: Int)
    /// This many lines, each ended by a line feed.
    case lines(Int)
  }

  var argument: Argument {
    switch self {
    case .binbytes, .binstring, .binunicode, .long4: .counted(width: 4)
    case .shortBinbytes, .shortBinstring, .long1, .shortBinunicode: .counted(width: 1)
    case .float, .int, .long, .persid, .string, .unicode, .get, .put: .lines(1)
    case .binfloat, .frame: .fixed(8)
    case .binint, .longBinget, .longBinput, .ext4: .fixed(4)
    case .binint1, .binget, .binput, .proto, .ext1: .fixed(1)
    case .binint2, .ext2: .fixed(2)
    case .global, .inst: .lines(2)
    case .binunicode8, .binbytes8, .bytearray8: .counted(width: 8)
    default: .none
    }
  }

  /// What becomes of the stack: first all values above the last mark go, and the mark, then `pops` more; then `pushes`
  /// values come.
  struct StackEffect {
    var popsToMark = false
    var pops = 0
    var pushes = 0
  }

  var stackEffect: StackEffect {
    switch self {
    case .mark: .init()
    case .stop, .pop: .init(pops: 1, pushes: 0)
    case .popMark: .init(popsToMark: true, pops: 0, pushes: 0)
    case .dup: .init(pops: 1, pushes: 2)
    case .binpersid, .tuple1, .memoize, .readonlyBuffer: .init(pops: 1, pushes: 1)
    case .reduce, .append, .build, .newobj, .tuple2, .stackGlobal: .init(pops: 2, pushes: 1)
    case .dict, .inst, .list, .obj, .tuple, .frozenset: .init(popsToMark: true, pops: 0, pushes: 1)
    case .appends, .setitems, .additems: .init(popsToMark: true, pops: 1, pushes: 1)
    case .put, .binput, .longBinput, .proto, .frame: .init(pops: 0, pushes: 0)
    case .setitem, .tuple3, .newobjEx: .init(pops: 3, pushes: 1)
    default: .init(pops: 0, pushes: 1)
    }
  }
}
