import FineTuning
import ForeignFormats
import ModelFiles
import RandomStreams

// torch's `optimizer.state_dict()`: parameters are numbered over all groups, in the order of the groups.

extension OptimizerState {
  /// Writes `optimizer.pt`, as `torch.save(optimizer.state_dict(), …)` of AdamW.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - dialect: the current torch has the fused form of AdamW, which it takes on as such.
  func write(to path: String, dialect: RandomDialect) throws {
    var states: [PyTorchValue.Entry] = []
    var groupValues: [PyTorchValue] = []
    for group in groups {
      let first = states.count
      for info in group.parameters {
        func tensor(_ name: String, _ shape: [Int]) -> PyTorchValue {
          .tensor(TensorInfo(name: "\(info.name).\(name)", elementType: .float32, shape: shape))
        }
        states.append(
          .init(
            .integer(states.count),
            .dictionary([
              Self.step: tensor(Self.step, []), Self.firstMoment: tensor(Self.firstMoment, info.shape),
              Self.secondMoment: tensor(Self.secondMoment, info.shape),
            ])))
      }
      groupValues.append(value(of: group, numbers: first..<states.count, dialect))
    }
    let step = Float(stepCount).bitPattern.littleEndian
    try PyTorchWriter.write(
      .dictionary(["state": .dictionary(states), "param_groups": .list(groupValues)]), to: path
    ) { info, sink in
      if info.name.hasSuffix(".\(Self.step)") {
        try withUnsafeBytes(of: step) { try sink($0.bytes) }
      } else {
        try moments.forEachPiece(of: info) { try sink($1) }
      }
    }
  }

  private static let step = "step"

  private func value(of group: Group, numbers: Range<Int>, _ dialect: RandomDialect) -> PyTorchValue {
    .dictionary([
      "weight_decay": .float(group.weightDecay), "lr": .float(learningRate),
      "betas": .tuple([.float(beta1), .float(beta2)]), "eps": .float(epsilon), "amsgrad": .bool(false),
      "maximize": .bool(false), "foreach": .none, "capturable": .bool(false), "differentiable": .bool(false),
      "fused": dialect == .torch215 ? .bool(true) : .none, "decoupled_weight_decay": .bool(true),
      "initial_lr": .float(initialLearningRate), "params": .list(numbers.map { .integer($0) }),
    ])
  }

  /// Reads `optimizer.pt`.
  ///
  /// - Throws: `TrainingStateError` when it is not the state of AdamW over these parameters.
  init(_ document: PyTorchDocument, _ parameters: [TensorInfo]) throws {
    let root = document.root
    guard case .dictionary? = root["state"], let groupValues = root["param_groups"]?.elements else {
      throw TrainingStateError.value(
        key: "state, param_groups", expected: "the two parts of an optimiser's state", found: "something else"
      )
    }
    var groups = Self.groups(parameters, weightDecay: 0)
    guard groupValues.count == groups.count, let first = groupValues.first else {
      throw TrainingStateError.parameters(
        expected: "two groups of parameters, with and without weight decay", found: "\(groupValues.count)")
    }
    func number(_ group: PyTorchValue, _ key: String) throws -> Double {
      guard let value = group[key]?.doubleValue else {
        throw TrainingStateError.value(key: key, expected: "a number", found: "something else")
      }
      return value
    }
    var items: [WeightView.Item] = []
    var stepCount: Int?
    for index in groups.indices {
      let (names, value) = (groups[index].parameters, groupValues[index])
      let numbers = (value["params"]?.elements ?? []).compactMap(\.integerValue)
      guard numbers.count == names.count else {
        throw TrainingStateError.parameters(
          expected: "\(names.count) parameters in group \(index)", found: "\(numbers.count)")
      }
      groups[index].weightDecay = try number(value, "weight_decay")
      for (info, key) in zip(names, numbers) {
        let state = root["state"]?[key]
        for name in [Self.firstMoment, Self.secondMoment] {
          guard let tensor = state?[name]?.tensorValue else {
            throw TrainingStateError.parameters(
              expected: "'\(name)' of parameter \(key), \(info.name)", found: "none")
          }
          items.append(.init(name: "\(info.name).\(name)", original: tensor))
        }
        let steps = try Self.steps(state?[Self.step], in: document)
        guard stepCount == nil || stepCount == steps else {
          throw TrainingStateError.value(
            key: "step", expected: "the same for all parameters", found: "\(steps) and \(stepCount ?? 0)")
        }
        stepCount = steps
      }
    }
    guard let betas = first["betas"]?.elements?.compactMap(\.doubleValue), betas.count == 2 else {
      throw TrainingStateError.value(
        key: "betas", expected: "two numbers, as AdamW has", found: "something else")
    }
    let rate = try number(first, "lr")
    self.init(
      stepCount: stepCount ?? 0, groups: groups, learningRate: rate,
      initialLearningRate: first["initial_lr"]?.doubleValue ?? rate, beta1: betas[0], beta2: betas[1],
      epsilon: try number(first, "eps"),
      moments: try WeightView(document, path: document.path, items))
  }

  /// A count of steps: a tensor without dimensions, or a number.
  private static func steps(_ value: PyTorchValue?, in document: PyTorchDocument) throws -> Int {
    var number = value?.doubleValue
    if let tensor = value?.tensorValue, tensor.elementCount == 1, tensor.elementType == .float32 {
      number = try document.withBytes(of: tensor.name) { bytes in
        bytes.withUnsafeBytes {
          Double(Float(bitPattern: UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))))
        }
      }
    }
    guard let number, let steps = Int(exactly: number), steps >= 0 else {
      throw TrainingStateError.value(
        key: "step", expected: "a number of steps", found: number.map { "\($0)" } ?? "something else")
    }
    return steps
  }

  /// What `scheduler.pt` holds: the state of torch's `LambdaLR`.
  func scheduler(_ arguments: TrainingArguments) -> PyTorchValue {
    let rates = { (rate: Double) in PyTorchValue.list(groups.map { _ in .float(rate) }) }
    // A schedule that is a plain function has no state, and the others' is empty.
    let lambda = arguments.lrScheduler == .constant ? PyTorchValue.none : .dictionary([PyTorchValue.Entry]())
    var entries: [(String, PyTorchValue)] = [
      ("base_lrs", rates(initialLearningRate)), ("last_epoch", .integer(stepCount)),
      ("_step_count", .integer(stepCount + 1)), ("_get_lr_called_within_step", .bool(false)),
      ("_last_lr", rates(learningRate)), ("lr_lambdas", .list(groups.map { _ in lambda })),
    ]
    let isCurrent = arguments.dialect == .torch215
    entries.insert((isCurrent ? "_is_initial" : "verbose", .bool(false)), at: isCurrent ? 3 : 2)
    return .dictionary(entries.map { PyTorchValue.Entry(.text($0.0), $0.1) })
  }
}
