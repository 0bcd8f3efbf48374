/// Names that share bytes, in groups; groups that have a name in common are one.
struct TieGroups {
  private var members: [[String]] = []
  private var numbers: [String: Int] = [:]

  init() {}

  init(_ groups: [[String]]) { for group in groups { join(group) } }

  /// Says that all of `names` share their bytes.
  mutating func join(_ names: [String]) {
    guard let target = names.compactMap({ numbers[$0] }).first ?? (names.isEmpty ? nil : members.count)
    else { return }
    if target == members.count { members.append([]) }
    for name in names {
      guard let number = numbers[name] else {
        numbers[name] = target
        members[target].append(name)
        continue
      }
      if number == target { continue }
      for moved in members[number] { numbers[moved] = target }
      members[target] += members[number]
      members[number] = []
    }
  }

  /// Those of more than one name, in the order in which they were met.
  var groups: [[String]] { members.filter { $0.count > 1 } }
}
