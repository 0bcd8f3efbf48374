import Pretrained

/// One line a module, repeated layers folded into one.
struct ModuleTable {
  private struct Module {
    var name: String
    var layers: Set<String> = []
    var tensors = 0
    var parameters = 0
  }

  private var modules: [Module] = []
  private let total: Int

  /// - Parameter folding: whether the layers of a stack share one line.
  init(_ weights: CheckpointWeights, folding: Bool) {
    total = weights.parameterCount
    var places: [String: Int] = [:]
    for info in weights {
      let (stack, layer) = Self.module(of: info.name)
      let name = folding || layer == nil ? stack : "\(stack).\(layer ?? "")"
      let index = places[name] ?? modules.endIndex
      if index == modules.endIndex {
        places[name] = index
        modules.append(Module(name: name))
      }
      if folding, let layer { modules[index].layers.insert(layer) }
      modules[index].tensors += 1
      modules[index].parameters += info.elementCount
    }
  }

  var lines: [String] {
    var table = Table([.left, .right, .right, .right, .left])
    table.add("module", "tensors", "parameters", "share")
    for module in modules.sorted(by: { Self.precedes($0.name, $1.name) }) {
      let share = 100 * Double(module.parameters) / Double(max(total, 1))
      let layers = module.layers.count
      let isEven = layers > 1 && module.parameters % layers == 0
      table.add(
        layers > 1 ? "\(module.name).{0…\(layers - 1)}" : module.name, module.tensors.grouped,
        module.parameters.grouped, "\(share.fixed(1)) %",
        isEven ? "\((module.parameters / layers).grouped) a layer" : "")
    }
    return table.lines
  }

  /// By the parts of the names; numbers by their value.
  private static func precedes(_ a: String, _ b: String) -> Bool {
    for (x, y) in zip(a.split(separator: "."), b.split(separator: ".")) where x != y {
      if let x = Int(x), let y = Int(y) { return x < y }
      return x < y
    }
    return a.utf8.count < b.utf8.count
  }

  /// The module a tensor belongs to; for one of several layers, what they have in common and the layer's number.
  private static func module(of name: String) -> (name: String, layer: String?) {
    let parts = name.split(separator: ".").map(String.init)
    if let number = parts.firstIndex(where: { Int($0) != nil }), number > 0 {
      return (parts[..<number].joined(separator: "."), parts[number])
    }
    let depth = parts.first == "bert" ? 2 : 1
    return (parts.count == 1 ? name : parts.dropLast().prefix(depth).joined(separator: "."), nil)
  }
}
