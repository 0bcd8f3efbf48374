public import ModelFiles

extension RunDescription {
  /// The content of `run.json`.
  public var document: JSONValue {
    [
      "schema_version": .number(Self.schemaVersion), "tool_version": .optional(toolVersion),
      "started": .optional(started), "wall_seconds": .optional(wallSeconds),
      "command": .strings(command),
      "base_model": [
        "name": .optional(baseModel.name), "path": .optional(baseModel.path),
        "root_hash": .optional(baseModel.rootHash),
      ],
      "data": [
        "name": .optional(data.name), "origin": .optional(data.origin), "files": .strings(data.files),
        "template": .optional(data.template), "columns": .strings(data.columns),
        "parts": .array(data.parts.map(\.document)),
      ],
      "labels": .strings(labels), "hyperparameters": hyperparameters, "truncation": .optional(truncation),
      "machine": [
        "threads": machine.threads.map { .number($0) } ?? .null,
        "processor": .optional(machine.processor), "instruction_set": .optional(machine.instructionSet),
        "system": .optional(machine.system),
      ],
      "planned_steps": plannedSteps.map { .number($0) } ?? .null, "stopped": .bool(wasStopped),
    ]
  }

  /// Takes what is there and of the right kind; what is not counts as unknown.
  public init(_ document: JSONValue) {
    self.init(labels: document["labels"]?.strings ?? [])
    toolVersion = document["tool_version"]?.stringValue
    started = document["started"]?.stringValue
    wallSeconds = document["wall_seconds"]?.doubleValue
    command = document["command"]?.strings ?? []
    let base = document["base_model"]
    baseModel = BaseModel(
      name: base?["name"]?.stringValue, path: base?["path"]?.stringValue,
      rootHash: base?["root_hash"]?.stringValue)
    let source = document["data"]
    data.name = source?["name"]?.stringValue
    data.origin = source?["origin"]?.stringValue
    data.files = source?["files"]?.strings ?? []
    data.template = source?["template"]?.stringValue
    data.columns = source?["columns"]?.strings ?? []
    data.parts = (source?["parts"]?.arrayValue ?? []).compactMap(Part.init)
    if let arguments = document["hyperparameters"], arguments.members != nil { hyperparameters = arguments }
    truncation = document["truncation"]?.stringValue
    let computer = document["machine"]
    machine.threads = computer?["threads"]?.intValue
    machine.processor = computer?["processor"]?.stringValue
    machine.instructionSet = computer?["instruction_set"]?.stringValue
    machine.system = computer?["system"]?.stringValue
    plannedSteps = document["planned_steps"]?.intValue
    wasStopped = document["stopped"]?.boolValue ?? false
  }
}

extension RunDescription.Part {
  fileprivate var document: JSONValue {
    [
      "name": .string(name), "rows": .number(rowCount), "class_counts": .integers(classCounts),
      "line_numbers": .integers(lineNumbers), "labels": .integers(labels),
    ]
  }

  fileprivate init?(_ document: JSONValue) {
    guard let name = document["name"]?.stringValue, let rows = document["rows"]?.intValue, rows >= 0 else {
      return nil
    }
    self.init(
      name: name, rowCount: rows, classCounts: document["class_counts"]?.integers ?? [],
      lineNumbers: document["line_numbers"]?.integers ?? [], labels: document["labels"]?.integers ?? [])
  }
}

extension JSONValue {
  static func optional(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

  /// A number, or null for nil and what is not finite, so that every JSON reader takes it.
  static func optional(_ value: Double?) -> JSONValue {
    value.flatMap { $0.isFinite ? .number($0) : nil } ?? .null
  }

  static func integers(_ values: [Int]) -> JSONValue { .array(values.map { .number($0) }) }

  static func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .optional($0) }) }

  /// The strings of an array; nil when there is anything else.
  var strings: [String]? {
    guard let items = arrayValue else { return nil }
    let strings = items.compactMap(\.stringValue)
    return strings.count == items.count ? strings : nil
  }

  /// The integers of an array; nil when there is anything else.
  var integers: [Int]? {
    guard let items = arrayValue else { return nil }
    let integers = items.compactMap(\.intValue)
    return integers.count == items.count ? integers : nil
  }
}
