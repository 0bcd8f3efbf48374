import ModelFiles
import Pretrained

/// What `convert` says.
struct ConvertReport {
  private let conversion: Conversion
  private var plan: ConversionPlan { conversion.plan }

  init(_ conversion: Conversion) { self.conversion = conversion }

  private static let shown = 8

  // MARK: For people

  var planLines: [String] {
    var table = Table([.left, .left])
    let container = conversion.checkpoint.container
    table.add(
      "read",
      ([container.format.rawValue] + (container.variant.map { [$0] } ?? [])).joined(separator: ", ")
        + ", " + container.tensors.count.counted("tensor"))
    let renamed = plan.items.filter { $0.original != $0.info.name }
    for (index, item) in renamed.prefix(Self.shown).enumerated() {
      table.add(index == 0 ? "rename" : "", "\(item.original) → \(item.info.name)")
    }
    if renamed.count > Self.shown { table.add("", "and \(renamed.count - Self.shown) more") }
    for (index, left) in plan.leftOut.prefix(Self.shown).enumerated() {
      table.add(index == 0 ? "leave out" : "", "\(left.name): \(left.reason)")
    }
    if plan.leftOut.count > Self.shown { table.add("", "and \(plan.leftOut.count - Self.shown) more") }
    for (index, tie) in plan.ties.prefix(Self.shown).enumerated() {
      table.add(index == 0 ? "tie" : "", "\(tie.name) = \(tie.kept)")
    }
    table.add(
      "write",
      "\(conversion.destination)  \(conversion.target.rawValue), \(plan.items.count.counted("tensor")), "
        + "\(plan.byteCount.bytesText)\(conversion.isFile ? "" : ", a folder")")
    return table.lines
  }

  func lines(_ report: ConversionReport) -> [String] {
    var table = Table([.left, .left])
    for (index, file) in report.files.enumerated() {
      let size = FileSystem.byteCount(of: file).map { "  \($0.bytesText)" } ?? ""
      table.add(index == 0 ? "written" : "", file + (FileSystem.isDirectory(file) ? "/" : size))
    }
    table.add(
      "compared",
      "\(report.tensorCount.counted("tensor")), \(report.byteCount.bytesText), read back and compared")
    if let worst = report.losses.max(by: { $0.loss.maxAbs < $1.loss.maxAbs }) {
      let sum = report.losses.reduce(CastLoss()) { $0 + $1.loss }
      table.add(
        "cast",
        "\(report.losses.count.counted("tensor")) rounded; largest error \(worst.loss.maxAbs.scientific(1)) in \(worst.name)"
      )
      if sum.overflowCount > 0 {
        table.add("", "\(sum.overflowCount.counted("value")) too large: now infinite")
      }
      if sum.vanishedCount > 0 { table.add("", "\(sum.vanishedCount.counted("value")) too small: now zero") }
    } else if conversion.options.elementType != nil {
      table.add("cast", "no value changed")
    }
    for (index, left) in plan.leftOut.prefix(Self.shown).enumerated() {
      table.add(index == 0 ? "left out" : "", "\(left.name): \(left.reason)")
    }
    if plan.leftOut.count > Self.shown { table.add("", "and \(plan.leftOut.count - Self.shown) more") }
    for (index, note) in report.notes.enumerated() { table.add(index == 0 ? "notes" : "", note) }
    return table.lines
  }

  // MARK: JSON

  private var planMembers: [JSONValue.Member] {
    [
      .init("from", .string(conversion.checkpoint.container.format.rawValue)),
      .init("to", .string(conversion.target.rawValue)),
      .init("destination", .string(conversion.destination)),
      .init(
        "tensors",
        .array(
          plan.items.map { item in
            [
              "name": .string(item.info.name), "from": .string(item.original),
              "dtype": .string(item.info.elementType.rawValue), "shape": .integers(item.info.shape),
            ]
          })),
      .init("ties", .object(plan.ties.map { .init($0.name, .string($0.kept)) })),
      .init(
        "left_out", .array(plan.leftOut.map { ["name": .string($0.name), "reason": .string($0.reason)] })),
    ]
  }

  var planJSON: JSONValue { .object(planMembers) }

  func json(_ report: ConversionReport) -> JSONValue {
    func number(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
    return .object(
      planMembers + [
        .init("files", .strings(report.files)),
        .init("bytes", .number(report.byteCount)),
        .init(
          "casts",
          .array(
            report.losses.map { name, loss in
              [
                "name": .string(name), "max_abs": number(loss.maxAbs),
                "overflows": .number(loss.overflowCount),
                "vanished": .number(loss.vanishedCount), "changed": .number(loss.changedCount),
              ]
            })),
        .init("notes", .strings(report.notes)),
      ])
  }
}
