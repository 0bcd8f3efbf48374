/// Values of a pickle as short text, much as Python shows them.
enum PickleText {
  /// The longest text that is shown, in characters.
  private static let limit = 80
  /// The most elements of a tuple or list that are shown.
  private static let elementLimit = 8

  /// One line of bounded length; containers within containers are only named.
  static func preview(_ node: PickleNode, in graph: PickleGraph) -> String {
    switch graph[node] {
    case .tuple(_, let count):
      return "(\(elements(node, in: graph))\(count == 1 ? "," : ""))"
    case .list: return "[\(elements(node, in: graph))]"
    case .call(let function, let arguments):
      return "\(scalar(function, in: graph))(\(elements(arguments, in: graph)))"
    default: return scalar(node, in: graph)
    }
  }

  private static func elements(_ node: PickleNode, in graph: PickleGraph) -> String {
    let nodes = graph.sequence(node, limit: elementLimit + 1) ?? []
    let shown = nodes.prefix(elementLimit).map { scalar($0, in: graph) }
    return (shown + (nodes.count > shown.count ? ["…"] : [])).joined(separator: ", ")
  }

  private static func scalar(_ node: PickleNode, in graph: PickleGraph) -> String {
    switch graph[node] {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let value): String(value)
    case .bigInteger: "a large int"
    case .float(let value): value.description
    case .text: "'\(shortened(graph.text(node) ?? ""))'"
    case .bytes(let slice): graph.text(node).map { "'\(shortened($0))'" } ?? "\(slice.range.count) bytes"
    case .symbol: shortened(graph.symbol(node) ?? "?")
    case .tuple(_, let count): "a tuple of \(count)"
    case .list: "a list"
    case .set: "a set"
    case .dictionary: "a dict"
    case .call(let function, _): "\(shortened(graph.symbol(function) ?? "?"))(…)"
    case .persistent: "a storage"
    }
  }

  /// Control characters are left out, so that text of a file cannot steer a terminal.
  private static func shortened(_ text: String) -> String {
    let scalars = text.unicodeScalars.lazy.filter { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) }
    let start = String(String.UnicodeScalarView(scalars.prefix(limit)))
    return text.unicodeScalars.count > limit ? start + "…" : start
  }
}
