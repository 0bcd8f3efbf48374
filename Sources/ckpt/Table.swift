/// Columns of text, each as wide as its widest cell.
struct Table {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]] = []
  private let indent: String

  /// - Parameter alignments: one a column.
  init(_ alignments: [Alignment], indent: Int = 2) {
    (self.alignments, self.indent) = (alignments, String(repeating: " ", count: indent))
  }

  /// Adds a row; missing cells at its end are empty.
  mutating func add(_ cells: String...) { add(cells) }
  mutating func add(_ cells: [String]) { rows.append(cells) }

  /// The lines, without white space at their ends.
  var lines: [String] {
    let widths = alignments.indices.map { column in
      rows.map { column < $0.count ? $0[column].displayWidth : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        cell.padded(to: widths[column], onLeft: alignments[column] == .right)
      }
      var line = indent + cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

/// A table whose rows are printed as they come, so that its columns have their width from the start.
struct LiveTable {
  private let headings: [String]

  init(_ headings: [String]) { self.headings = headings }

  var heading: String { line(headings) }

  func line(_ cells: [String]) -> String {
    zip(headings, cells).map { heading, cell in cell.padded(to: max(heading.count, 8), onLeft: true) }
      .joined(separator: "  ")
  }
}
