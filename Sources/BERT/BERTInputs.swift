/// A padded batch of token ids, ready for the embeddings. B sequences of S tokens each.
public struct BERTInputs: Sendable, Equatable {
  /// B, the number of sequences.
  public let batchSize: Int
  /// S, the padded length of every sequence, in tokens.
  public let length: Int
  /// (B, S), row-major.
  public let inputIDs: [Int32]
  /// (B, S): 0 for the first text, 1 for the second.
  public let tokenTypeIDs: [Int32]
  /// (B, S): 1 for a token, 0 for padding. Nil when nothing is padded, as the reference drops such a mask.
  public let attentionMask: [UInt8]?

  /// The tokens of the batch, padding included: B·S.
  public var tokenCount: Int { inputIDs.count }

  /// Rows that already have one length.
  ///
  /// - Parameters:
  ///   - inputIDs: B rows of S ids.
  ///   - tokenTypeIDs: like `inputIDs`; all 0 when nil.
  ///   - attentionMask: like `inputIDs`; 1 marks a token, 0 padding; all 1 when nil.
  /// - Throws: ``BERTInputError`` when there is no token or a row differs in length.
  public init(inputIDs: [[Int32]], tokenTypeIDs: [[Int32]]? = nil, attentionMask: [[Int32]]? = nil)
    throws(BERTInputError)
  {
    func flattened(_ rows: [[Int32]], _ field: String) throws(BERTInputError) -> [Int32] {
      guard rows.count == inputIDs.count else {
        throw .rowCount(field: field, expected: inputIDs.count, found: rows.count)
      }
      for (row, ids) in rows.enumerated() where ids.count != inputIDs[0].count {
        throw .ragged(field: field, row: row, expected: inputIDs[0].count, found: ids.count)
      }
      return rows.flatMap(\.self)
    }
    guard let first = inputIDs.first, !first.isEmpty else { throw .empty }
    try self.init(
      batchSize: inputIDs.count, length: first.count, inputIDs: try flattened(inputIDs, "input_ids"),
      tokenTypeIDs: try tokenTypeIDs.map { rows throws(BERTInputError) in
        try flattened(rows, "token_type_ids")
      },
      attentionMask: try attentionMask.map { rows throws(BERTInputError) in
        try flattened(rows, "attention_mask")
      })
  }

  /// A batch that is already flat.
  ///
  /// - Parameters:
  ///   - batchSize: B, at least 1.
  ///   - length: S, at least 1.
  ///   - inputIDs: B·S ids, row-major.
  ///   - tokenTypeIDs: B·S; all 0 when nil.
  ///   - attentionMask: B·S; 1 marks a token, 0 padding; all 1 when nil.
  /// - Throws: ``BERTInputError`` when a count disagrees or a mask holds anything but 0 and 1.
  public init(
    batchSize: Int, length: Int, inputIDs: [Int32], tokenTypeIDs: [Int32]? = nil,
    attentionMask: [Int32]? = nil
  ) throws(BERTInputError) {
    guard batchSize > 0, length > 0 else { throw .empty }
    let (count, overflow) = batchSize.multipliedReportingOverflow(by: length)
    let fields = [
      ("input_ids", inputIDs), ("token_type_ids", tokenTypeIDs), ("attention_mask", attentionMask),
    ]
    for case (let field, let values?) in fields where overflow || values.count != count {
      throw .elementCount(field: field, expected: overflow ? .max : count, found: values.count)
    }
    if let attentionMask, let index = attentionMask.firstIndex(where: { $0 != 0 && $0 != 1 }) {
      throw .maskValue(row: index / length, position: index % length, found: Int(attentionMask[index]))
    }
    self.batchSize = batchSize
    self.length = length
    self.inputIDs = inputIDs
    self.tokenTypeIDs = tokenTypeIDs ?? [Int32](repeating: 0, count: count)
    self.attentionMask = attentionMask.flatMap {
      $0.contains(0) ? $0.map(UInt8.init(truncatingIfNeeded:)) : nil
    }
  }

  /// Checks every id against the tables it will index.
  ///
  /// - Throws: ``BERTInputError`` naming the row and position of the first id outside its table, or the length when
  ///   it exceeds the position table.
  package func check(against configuration: BERTConfiguration) throws(BERTInputError) {
    guard length <= configuration.maxPositionEmbeddings else {
      throw .tooLong(found: length, limit: configuration.maxPositionEmbeddings)
    }
    let tables = [
      ("input_ids", inputIDs, configuration.vocabSize),
      ("token_type_ids", tokenTypeIDs, configuration.typeVocabSize),
    ]
    for (field, values, limit) in tables {
      if let index = values.firstIndex(where: { $0 < 0 || $0 >= limit }) {
        throw .idOutOfRange(
          field: field, row: index / length, position: index % length, found: Int(values[index]), limit: limit
        )
      }
    }
  }
}

/// Why a batch cannot be given to the model.
@nonexhaustive
public enum BERTInputError: Error, Equatable, CustomStringConvertible {
  /// There is no sequence, or the sequences have no tokens.
  case empty
  /// Another number of rows than `input_ids` has.
  case rowCount(field: String, expected: Int, found: Int)
  /// A row that is longer or shorter than the first.
  case ragged(field: String, row: Int, expected: Int, found: Int)
  /// A flat array whose length is not B·S.
  case elementCount(field: String, expected: Int, found: Int)
  /// A mask value other than 0 and 1.
  case maskValue(row: Int, position: Int, found: Int)
  /// More tokens than the position table has rows.
  case tooLong(found: Int, limit: Int)
  /// An id without a row in its table.
  case idOutOfRange(field: String, row: Int, position: Int, found: Int, limit: Int)
  /// Labels that do not fit the batch or the head.
  case labels(expected: String, found: String)

  public var description: String {
    switch self {
    case .empty: "the batch holds no tokens; give at least one sequence"
    case .rowCount(let field, let expected, let found):
      "\(field) has \(found) rows, input_ids has \(expected); give one row a sequence"
    case .ragged(let field, let row, let expected, let found):
      "\(field) row \(row) has \(found) tokens, the first has \(expected); pad the batch to one length"
    case .elementCount(let field, let expected, let found):
      "\(field) has \(found) elements, batch size times length is \(expected); give one element a token"
    case .maskValue(let row, let position, let found):
      "attention_mask row \(row), position \(position) is \(found); write 1 for a token and 0 for padding"
    case .tooLong(let found, let limit):
      "\(found) tokens are more than the \(limit) positions of this model; truncate when tokenizing"
    case .idOutOfRange(let field, let row, let position, let found, let limit):
      "\(field) row \(row), position \(position) is \(found), the model's table has \(limit) rows; "
        + "use the tokenizer that belongs to this checkpoint"
    case .labels(let expected, let found): "the labels are \(found), this head takes \(expected)"
    }
  }
}
