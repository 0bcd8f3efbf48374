/// What to do with text that is too long. Always spelled out: nothing is ever cut silently.
///
/// Lengths include the special tokens. Windows of what was cut off overlap by `stride` tokens; they are in
/// ``Encoding/overflowing``.
public enum Truncation: Sendable, Equatable {
  /// Nothing is cut; more tokens than ``TokenizerOptions/modelMaxLength`` are an error that says how many.
  case none
  /// Cuts the longer of two texts down to the other's length, then both.
  case longestFirst(maxLength: Int, stride: Int = 0, side: Side = .right)
  /// Cuts the first text only; an error if that is not enough.
  case onlyFirst(maxLength: Int, stride: Int = 0, side: Side = .right)
  /// Cuts the second text only; an error if that is not enough.
  case onlySecond(maxLength: Int, stride: Int = 0, side: Side = .right)
}

/// One end of a sequence.
public enum Side: Sendable, Equatable {
  case left, right
}

/// A truncation worked out for a number of special tokens.
struct TruncationPlan {
  private enum Strategy { case longestFirst, onlyFirst, onlySecond }

  private var strategy = Strategy.longestFirst
  /// The most tokens the texts may have together; nil: any number.
  private(set) var room: Int?
  private(set) var stride = 0
  private(set) var side = Side.right
  private let limit: Int?
  private let specialTokens: Int

  /// - Parameters:
  ///   - limit: what the model takes, for `.none`.
  ///   - specialTokens: how many are added to the texts.
  /// - Throws: ``TokenizerError`` for lengths that no text could meet.
  init(_ truncation: Truncation, limit: Int?, specialTokens: Int) throws(TokenizerError) {
    self.limit = limit
    self.specialTokens = specialTokens
    let maxLength: Int
    switch truncation {
    case .none: return
    case .longestFirst(let length, let stride, let side):
      (maxLength, self.stride, self.side) = (length, stride, side)
    case .onlyFirst(let length, let stride, let side):
      (strategy, maxLength, self.stride, self.side) = (.onlyFirst, length, stride, side)
    case .onlySecond(let length, let stride, let side):
      (strategy, maxLength, self.stride, self.side) = (.onlySecond, length, stride, side)
    }
    guard maxLength >= 0 else { throw .negativeLength(maxLength) }
    guard stride >= 0 else { throw .negativeLength(stride) }
    guard maxLength >= specialTokens else {
      throw .noRoomForText(maxLength: maxLength, specialTokens: specialTokens)
    }
    let room = maxLength - specialTokens
    guard stride == 0 || stride < room else { throw .strideTooLong(stride: stride, room: room) }
    self.room = room
  }

  /// After how many pieces a text need not be read on, when what is cut off is not wanted.
  func readLimit(hasSecond: Bool) -> Int {
    guard let room, !hasSecond, side == .right, strategy != .onlySecond else { return .max }
    return room
  }

  /// How many tokens of each text stay.
  ///
  /// - Throws: ``TokenizerError`` when the strategy cannot meet the length.
  func kept(_ first: Int, _ second: Int?) throws(TokenizerError) -> (first: Int, second: Int) {
    let total = first + (second ?? 0)
    guard let room else {
      if let limit, total + specialTokens > limit {
        throw .tooLong(length: total + specialTokens, limit: limit)
      }
      return (first, second ?? 0)
    }
    if room == 0 { return (0, 0) }
    guard total > room else { return (first, second ?? 0) }
    let surplus = total - room
    switch strategy {
    case .longestFirst:
      guard let second else { return (room, 0) }
      var (short, long) = (min(first, second), max(first, second))
      long = short > room ? short : max(short, room - short)
      if short + long > room { (short, long) = (room / 2, room / 2 + room % 2) }
      return first > second ? (long, short) : (short, long)
    case .onlyFirst:
      guard first > surplus else { throw .tooShortToTruncate(length: first, surplus: surplus) }
      return (first - surplus, second ?? 0)
    case .onlySecond:
      guard let second else { throw .noSecondText }
      guard second > surplus else { throw .tooShortToTruncate(length: second, surplus: surplus) }
      return (first, second - surplus)
    }
  }

  /// The part that stays of a text with `count` tokens.
  func window(_ count: Int, kept: Int) -> Range<Int> {
    kept >= count ? 0..<count : side == .right ? 0..<kept : count - kept..<count
  }

  /// The part that stays, then those that overlap it and each other until the far end is reached.
  ///
  /// - Throws: ``TokenizerError/strideTooLong(stride:room:)``.
  func windows(_ count: Int, kept: Int) throws(TokenizerError) -> [Range<Int>] {
    guard kept < count else { return [0..<count] }
    guard kept > 0 else { return [0..<0, 0..<count] }
    guard stride < kept else { throw .strideTooLong(stride: stride, room: kept) }
    var windows = [window(count, kept: kept)]
    while let last = windows.last, side == .right ? last.upperBound < count : last.lowerBound > 0 {
      if side == .right {
        let start = last.lowerBound + kept - stride
        windows.append(start..<min(start + kept, count))
      } else {
        let stop = last.upperBound - (kept - stride)
        windows.append(max(stop - kept, 0)..<stop)
      }
    }
    return windows
  }
}
