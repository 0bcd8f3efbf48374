import Synchronization

/// Encoders that are not in use, with what they remember of earlier texts.
final class IDEncoderPool: Sendable {
  /// An encoder that one thread at a time has.
  private final class Idle: @unchecked Sendable {
    var encoder: IDEncoder
    init(_ encoder: consuming IDEncoder) { self.encoder = encoder }
  }

  private let idle = Mutex<[Idle]>([])
  /// More threads than this at a time get new encoders.
  private static let most = 16

  /// Calls `body` with an encoder that has no ids yet.
  func withEncoder<Result, Failure: Error>(
    of model: WordPieceModel, _ body: (inout IDEncoder) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let own = idle.withLock { $0.popLast() } ?? Idle(IDEncoder(model))
    defer {
      own.encoder.removeAll()
      idle.withLock { if $0.count < Self.most { $0.append(own) } }
    }
    return try body(&own.encoder)
  }
}
