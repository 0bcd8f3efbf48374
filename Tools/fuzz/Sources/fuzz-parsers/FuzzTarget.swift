import CFuzzing
import Glibc

/// A parser and how it is fed.
struct FuzzTarget: Sendable {
  let name: String
  /// How many bytes a parser may allocate whatever the input: windows that are read at once, tables that begin large.
  var fixedAllowance = 1 << 20
  /// How many more it may allocate for each byte of the input.
  var allowance = 64
  /// Makes another input of one; nil for libFuzzer's own ways alone.
  var mutate: (@Sendable (inout Mutation) -> Void)?
  /// Makes what all inputs share, before memory is counted.
  var prepare: @Sendable () -> Void = {}
  /// Parses an input and uses everything that is in it. What this throws is described and forgotten.
  let parse: @Sendable (Input) throws -> Void

  static let chosenName = getenv("FUZZ_TARGET").map { String(cString: $0) }
  static let chosen = all.first { $0.name == chosenName }

  /// - Postcondition: the process has ended when the parser trapped, or allocated out of proportion to the input.
  func run(on bytes: UnsafeRawBufferPointer) {
    fuzzing_meter_start()
    attempt { try parse(Input(bytes)) }
    let (peak, limit) = (fuzzing_meter_peak(), fixedAllowance + allowance * bytes.count)
    if peak > limit { fuzzing_meter_fail(peak, limit, bytes.count) }
  }
}

/// Runs `body`; the description of what it throws is made, as every user of the parsers does sooner or later.
func attempt(_ body: () throws -> Void) {
  do { try body() } catch { consume("\(error)") }
}

/// Keeps the optimiser from leaving out what nobody looks at.
func consume<Value>(_ value: Value) { withUnsafePointer(to: value) { fuzzing_use($0) } }
