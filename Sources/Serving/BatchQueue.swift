/// One input of the model: the ids of one text or pair, and what is wanted of it.
package struct TokenSequence: Sendable, Equatable {
  /// What the model is to give.
  package enum Wanted: Sendable, Equatable {
    /// One row for the whole: logits of a classifier, the pooled vector of an encoder.
    case whole
    /// A row for every token, one after the other.
    case tokens
    /// A row for each of some tokens, one after the other.
    case positions([Int])
  }

  package var inputIDs: [Int32]
  package var tokenTypeIDs: [Int32]
  package var wanted: Wanted

  package init(inputIDs: [Int32], tokenTypeIDs: [Int32], wanted: Wanted = .whole) {
    (self.inputIDs, self.tokenTypeIDs, self.wanted) = (inputIDs, tokenTypeIDs, wanted)
  }

  /// In tokens.
  package var length: Int { inputIDs.count }
}

/// The sequences that wait, by request, and which of them the model is given next.
///
/// A batch costs the tokens of its sequences, whatever their lengths, because padding is not computed. Each request in
/// turn gives one sequence before any gives a second, the longest that fits, and one that has more than the batch took
/// goes to the end of the line: a single text waits for about one batch, however many texts a request before it has.
package struct BatchQueue {
  /// A request's place in line.
  package typealias Ticket = Int

  /// A sequence of a batch, and whose it is.
  package struct Member: Sendable {
    package let ticket: Ticket
    /// Its place within the request.
    package let index: Int
    package let sequence: TokenSequence
  }

  /// How much is put together.
  package struct Limits: Sendable, Equatable {
    /// The tokens of a batch; a sequence that is longer is a batch of its own.
    package var batchTokens: Int
    /// The sequences of a batch.
    package var batchSequences: Int

    package init(batchTokens: Int, batchSequences: Int) {
      (self.batchTokens, self.batchSequences) = (batchTokens, batchSequences)
    }
  }

  private struct Request {
    let ticket: Ticket
    /// Those that still wait, the longest first, with their places.
    var waiting: [(index: Int, sequence: TokenSequence)]
  }

  private let limits: Limits
  private var line: [Request] = []
  /// The tokens that wait.
  package private(set) var tokenCount = 0
  /// The sequences that wait.
  package private(set) var sequenceCount = 0

  package init(limits: Limits) { self.limits = limits }

  package var isEmpty: Bool { line.isEmpty }

  /// The requests that have sequences waiting, in line.
  package var tickets: [Ticket] { line.map(\.ticket) }

  /// Puts a request at the end of the line.
  package mutating func append(_ ticket: Ticket, _ sequences: [TokenSequence]) {
    guard !sequences.isEmpty else { return }
    let waiting = sequences.enumerated().map { (index: $0, sequence: $1) }
      .sorted { $0.sequence.length > $1.sequence.length }
    line.append(Request(ticket: ticket, waiting: waiting))
    sequenceCount += sequences.count
    tokenCount += sequences.reduce(0) { $0 + $1.length }
  }

  /// Takes a request out of the line.
  package mutating func remove(_ ticket: Ticket) {
    guard let place = line.firstIndex(where: { $0.ticket == ticket }) else { return }
    let request = line.remove(at: place)
    sequenceCount -= request.waiting.count
    tokenCount -= request.waiting.reduce(0) { $0 + $1.sequence.length }
  }

  /// Takes the next batch out of the line; empty when nothing waits.
  package mutating func next() -> [Member] {
    var members: [Member] = []
    var tokens = 0
    var takesMore = true
    while takesMore {
      takesMore = false
      for place in line.indices where members.count < limits.batchSequences {
        let room = members.isEmpty ? Int.max : limits.batchTokens - tokens
        guard let found = line[place].waiting.firstIndex(where: { $0.sequence.length <= room }) else {
          continue
        }
        let (index, sequence) = line[place].waiting.remove(at: found)
        tokens += sequence.length
        members.append(Member(ticket: line[place].ticket, index: index, sequence: sequence))
        takesMore = true
      }
    }
    sequenceCount -= members.count
    tokenCount -= tokens
    let taken = Set(members.map(\.ticket))
    let rest = line.filter { !$0.waiting.isEmpty }
    line = rest.filter { !taken.contains($0.ticket) } + rest.filter { taken.contains($0.ticket) }
    return members
  }
}
