/// How the rows of a batch are made equally long.
public struct Padding: Sendable, Equatable {
  /// To what length.
  public enum Length: Sendable, Equatable {
    /// Not at all: rows of different length are an error.
    case none
    /// That of the longest row.
    case longest
    /// This many tokens; longer rows are an error.
    case fixed(Int)
  }

  public var length: Length
  /// Rounds the length up to a multiple of this (`pad_to_multiple_of`).
  public var multiple: Int?
  /// Where the padding goes.
  public var side: Side

  public init(_ length: Length, toMultipleOf multiple: Int? = nil, side: Side = .right) {
    self.length = length
    self.multiple = multiple
    self.side = side
  }

  /// No padding; the rows must be equally long.
  public static let none = Padding(.none)

  /// To the length of the longest row.
  public static let longest = Padding(.longest)

  /// To a given number of tokens.
  public static func maxLength(_ length: Int) -> Padding { Padding(.fixed(length)) }

  /// The length of every row of a batch.
  ///
  /// - Throws: ``TokenizerError`` when padding alone does not make the rows equal.
  func rowLength(shortest: Int, longest: Int) throws(TokenizerError) -> Int {
    var target: Int
    switch length {
    case .none:
      guard shortest == longest else { throw .unevenRows(shortest: shortest, longest: longest) }
      return longest
    case .longest: target = longest
    case .fixed(let count): target = count
    }
    guard target >= 0 else { throw .negativeLength(target) }
    if let multiple {
      guard multiple >= 0 else { throw .negativeLength(multiple) }
      if multiple > 0, target % multiple > 0 { target += multiple - target % multiple }
    }
    guard longest <= target else { throw .rowTooLong(length: longest, paddedLength: target) }
    return target
  }
}
