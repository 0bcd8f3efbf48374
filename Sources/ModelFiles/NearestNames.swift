/// Up to three of `names` that somebody who wrote `name` may have meant, nearest first.
///
/// Nearest is by edit distance, at most a third of the name's length; a name that ends in the other, as with
/// and without `bert.`, counts as near.
package func nearestNames(to name: String, in names: [String]) -> [String] {
  let wanted = Array(name.utf8)
  guard wanted.count <= 256 else { return [] }
  var scored: [(distance: Int, name: String)] = []
  for candidate in names.prefix(10_000) {
    let letters = Array(candidate.utf8)
    if candidate.hasSuffix("." + name) || name.hasSuffix("." + candidate) {
      scored.append((1, candidate))
    } else if abs(letters.count - wanted.count) <= wanted.count / 3,
      case let distance = editDistance(wanted, letters), distance <= wanted.count / 3
    {
      scored.append((distance, candidate))
    }
  }
  return scored.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
}

/// The fewest insertions, deletions and replacements that turn `a` into `b` (Levenshtein).
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      (diagonal, row[j + 1]) = (row[j + 1], min(diagonal + (x == y ? 0 : 1), row[j] + 1, row[j + 1] + 1))
    }
  }
  return row[b.count]
}
