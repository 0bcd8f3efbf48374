/// Why a pickle could not be read.
public struct PickleError: Error, Hashable, Sendable {
  /// Of the operation at fault, in bytes from the start of the pickle.
  public var offset: Int
  public var fault: Fault

  public init(at offset: Int, _ fault: Fault) { (self.offset, self.fault) = (offset, fault) }

  @nonexhaustive
  public enum Fault: Error, Hashable, Sendable {
    /// The pickle ends without STOP.
    case missingStop
    /// An argument claims more bytes than follow it.
    case lengthBeyondInput(needed: UInt64, available: Int)
    /// More bytes than a pickle is read to.
    case tooLong(limit: Int)
    /// An operation that reading weights does not take, by its name in `pickletools`.
    case unsupportedOpcode(String)
    /// No protocol has an operation with this byte.
    case unknownOpcode(UInt8)
    /// PROTO anywhere but at the start.
    case misplacedProtocol
    /// A name, `module.name`, that no checkpoint needs.
    case forbiddenGlobal(String)
    /// The operation needs more values than there are above the last mark.
    case stackUnderflow
    /// There is no mark.
    case missingMark
    /// Nothing was remembered under this number.
    case unsetMemo(UInt32)
    /// A string, or the name of a global, is not UTF-8, or the name does not end.
    case invalidText
    /// SETITEMS with a key that has no value.
    case keyWithoutValue
    /// The operation works on `expected`, and a value of the kind `found` is there.
    case wrongOperand(expected: String, found: String)
    /// STOP leaves this many values below the result.
    case valuesLeft(Int)
    /// This many bytes follow STOP.
    case bytesAfterStop(Int)
  }
}

extension PickleError: CustomStringConvertible {
  public var description: String { "at byte \(offset): \(fault)" }
}

extension PickleError.Fault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingStop: "the pickle ends without STOP; the file is cut off or damaged, fetch it again"
    case .lengthBeyondInput(let needed, let available):
      "an argument claims \(needed) bytes, \(available) follow; the file is cut off or damaged, fetch it again"
    case .tooLong(let limit):
      "the pickle is longer than \(limit) bytes; no checkpoint needs that, do not trust it"
    case .unsupportedOpcode(let name):
      "the operation \(name) is not one that weights need; save the file again with torch.save"
    case .unknownOpcode(let byte):
      "no pickle operation has the byte 0x\(hexadecimal(byte)); the file is damaged or no pickle, fetch it again"
    case .misplacedProtocol: "PROTO stands elsewhere than at the start; do not trust this file"
    case .forbiddenGlobal(let name):
      "'\(name)' is not a name that weights need, and nothing is ever called to find out; "
        + "list the file's globals and do not load it unless you trust who made it"
    case .stackUnderflow:
      "the operation needs a value that is not there; the pickle is damaged, fetch it again"
    case .missingMark: "the operation needs a mark that is not there; the pickle is damaged, fetch it again"
    case .unsetMemo(let number): "nothing was remembered as \(number); the pickle is damaged, fetch it again"
    case .invalidText: "text is not UTF-8 or does not end; the pickle is damaged, fetch it again"
    case .keyWithoutValue: "the last key has no value; the pickle is damaged, fetch it again"
    case .wrongOperand(let expected, let found):
      "\(expected) is expected, \(found) is there; the pickle is damaged, do not trust it"
    case .valuesLeft(let count): "\(count) values are left beside the result; do not trust this file"
    case .bytesAfterStop(let count): "\(count) bytes follow the end of the pickle; do not trust this file"
    }
  }

  private func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.utf8.count == 1 ? "0" + digits : digits
  }
}
