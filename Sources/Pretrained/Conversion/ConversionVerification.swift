import ForeignFormats
import ModelFiles

/// Reads back what a conversion wrote.
struct ConversionVerification {
  private let conversion: Conversion
  private let written: ConversionWriting.Written
  private let meter: ConversionMeter

  init(_ conversion: Conversion, _ written: ConversionWriting.Written, meter: ConversionMeter) {
    (self.conversion, self.written, self.meter) = (conversion, written, meter)
  }

  /// Compares every tensor with what was to be written, and measures what changes of type cost.
  ///
  /// - Throws: ``ConversionError/differs(path:tensor:)``; the containers' errors.
  func report() throws -> ConversionReport {
    var report = ConversionReport()
    report.notes = written.notes
    let container = try written.container()
    for info in written.tensors {
      guard let found = container.tensor(named: info.name), found.shape == info.shape else {
        throw differs(info)
      }
      if written.quantised.contains(info.name) {
        let difference = try TensorDifference(info, in: written.source, found, in: container)
        report.losses.append((info.name, CastLoss(difference)))
        try meter.add(info.byteCount)
      } else {
        guard found.elementType == info.elementType else { throw differs(info) }
        if let range = written.compared[info.name] {
          // What is left to see is that whoever opens the file looks for the tensor where it was compared.
          let stored = (container as? any MappedWeightSource)?.storedBytes(of: info.name)
          guard stored?.bytes.range == range else { throw differs(info) }
          report.tensorCount += 1
          report.byteCount += info.byteCount
          continue
        }
        try written.source.forEachPiece(of: info) { range, ours in
          let isSame = try container.withElements(of: info.name, in: range) { ours.hasSameBytes(as: $0) }
          guard isSame else { throw differs(info) }
          try meter.add(ours.byteCount)
        }
      }
      report.tensorCount += 1
      report.byteCount += info.byteCount
    }
    if conversion.options.elementType != nil { report.losses += try castLosses() }
    return report
  }

  private func differs(_ info: TensorInfo) -> ConversionError {
    .differs(path: conversion.destination, tensor: info.name)
  }

  /// What the change of type cost each tensor.
  private func castLosses() throws -> [(name: String, loss: CastLoss)] {
    var losses: [(name: String, loss: CastLoss)] = []
    let plan = conversion.plan
    for item in plan.items {
      guard let original = plan.uncast.tensor(named: item.info.name),
        original.elementType != item.info.elementType
      else { continue }
      var loss = CastLoss()
      try plan.uncast.forEachPiece(of: original) { range, old in
        try plan.source.withElements(of: item.info.name, in: range) { new in
          try withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * range.count) { values in
            let before = UnsafeMutableBufferPointer(rebasing: values[..<range.count])
            let after = UnsafeMutableBufferPointer(rebasing: values[range.count...])
            try original.elementType.doubles(old, into: before)
            try item.info.elementType.doubles(new, into: after)
            loss = loss + CastLoss(UnsafeBufferPointer(before), UnsafeBufferPointer(after))
          }
        }
      }
      if loss.changedCount > 0 { losses.append((item.info.name, loss)) }
    }
    return losses
  }
}

extension CastLoss {
  fileprivate init(_ difference: TensorDifference) {
    self.init()
    (maxAbs, changedCount) = (difference.maxAbs, difference.changedCount)
  }
}
