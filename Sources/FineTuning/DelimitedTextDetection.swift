extension Delimiter {
  /// The delimiter a file most likely uses.
  ///
  /// Of those that split the header, the one that splits most of the first rows into as many fields; then the
  /// one with more fields; then the order of the cases. A file without any is read as one column.
  package static func detected(in bytes: UnsafeBufferPointer<UInt8>, start: Int) -> Delimiter {
    var best: (delimiter: Delimiter, regular: Double, fields: Int) = (.comma, -1, 1)
    for delimiter in allCases {
      var reader = DelimitedTextReader(bytes, delimiter: delimiter, start: start)
      guard (try? reader.next()) == true, reader.fields.count > 1 else { continue }
      let fields = reader.fields.count
      var (rows, regular) = (0, 0)
      sample: while rows < 50 {
        do throws(DataFault) {
          guard try reader.next() else { break sample }
          rows += 1
          regular += reader.fields.count == fields ? 1 : 0
        } catch {  // a quote this delimiter makes no sense of
          rows += 1
          break sample
        }
      }
      let share = rows == 0 ? 1 : Double(regular) / Double(rows)
      if (share, fields) > (best.regular, best.fields) { best = (delimiter, share, fields) }
    }
    return best.delimiter
  }
}
