import CKernels

/// Where prepared weights lie, and the buffers in which their calls round activations to bytes.
package final class PreparedMemory: @unchecked Sendable {
  let block: MemoryBlock
  let buffers = ByteBuffers()

  /// - Throws: `MemoryError`.
  package init(byteCount: Int) throws(MemoryError) { block = try MemoryBlock(byteCount: byteCount) }

  package var byteCount: Int { block.byteCount }
}

/// The weight and bias of one linear layer, or of several with the same input side by side, in a form that needs no
/// packing at a call.
///
/// The layout is that of one set of kernels, with which the weights must be used.
package final class PreparedWeights: @unchecked Sendable {
  /// A layer's weight (N, K) and bias (N).
  package struct Part {
    let weight: UnsafePointer<Float>
    let bias: UnsafePointer<Float>
    let outputs: Int

    package init(weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, outputs: Int) {
      (self.weight, self.bias, self.outputs) = (weight, bias, outputs)
    }
  }

  /// What was prepared: name in messages, K, and the layers.
  package struct Source {
    package let name: String
    /// K
    let inputs: Int
    let parts: [Part]

    package init(name: String, inputs: Int, parts: [Part]) {
      (self.name, self.inputs, self.parts) = (name, inputs, parts)
    }

    /// N of all parts.
    var outputs: Int { parts.reduce(0) { $0 + $1.outputs } }

    /// The bytes that its panels and the bias take, a multiple of 64.
    package func byteCount(_ form: LinearWeights, _ kernels: Kernels) -> Int {
      let panels = (outputs + kernels.panel - 1) / kernels.panel
      let bytes = panels * kernels.panelByteCount(form, inputs: inputs)
      return (bytes + 63) / 64 * 64 + (outputs * MemoryLayout<Float>.stride + 63) / 64 * 64
    }
  }

  package let form: LinearWeights
  /// N
  package let outputs: Int
  /// K
  package let inputs: Int
  let panels: UnsafeMutableRawPointer
  /// (N)
  let bias: UnsafeMutablePointer<Float>
  let memory: PreparedMemory

  /// Prepares the weights of `source` in `memory`, on all threads.
  ///
  /// - Parameters:
  ///   - form: any but `.float32`.
  ///   - offset: bytes from the start of the memory, a multiple of 64; `source.byteCount(form, kernels)` are written.
  /// - Throws: ``LinearWeightsError`` when the form cannot hold the weights.
  package init(
    _ source: Source, _ form: LinearWeights, in memory: PreparedMemory, at offset: Int, _ compute: Compute
  ) throws(LinearWeightsError) {
    precondition(form != .float32, "weights that stay where they are need no preparation")
    let kernels = compute.kernels
    precondition(
      offset % 64 == 0 && offset + source.byteCount(form, kernels) <= memory.byteCount, "too little memory")
    guard form != .int8 || source.inputs <= MOST_BYTE_PRODUCTS else {
      throw .tooManyInputs(
        layer: source.name, expected: MOST_BYTE_PRODUCTS, found: source.inputs)
    }
    (self.form, self.memory) = (form, memory)
    (outputs, inputs) = (source.outputs, source.inputs)
    panels = memory.block.start + offset
    let panelBytes = kernels.panelByteCount(form, inputs: inputs)
    let panelCount = (outputs + kernels.panel - 1) / kernels.panel
    bias = (panels + (panelCount * panelBytes + 63) / 64 * 64).assumingMemoryBound(to: Float.self)
    var row = 0
    for part in source.parts {
      (bias + row).update(from: part.bias, count: part.outputs)
      row += part.outputs
    }
    let isHeld = pack(source, panelBytes: panelBytes, count: panelCount, compute)
    guard isHeld else { throw .outsideHalf(layer: source.name) }
  }

  /// Fills every panel; false when a weight does not fit the form.
  private func pack(_ source: Source, panelBytes: Int, count: Int, _ compute: Compute) -> Bool {
    let (kernels, panels, form, inputs) = (compute.kernels, panels, form, inputs)
    return withUnsafeTemporaryAllocation(of: Bool.self, capacity: max(count, 1)) { held in
      guard let held = held.baseAddress else { return true }
      compute.pool.forEach(count) { index in
        let rows = index * kernels.panel..<min((index + 1) * kernels.panel, source.outputs)
        let target = panels + index * panelBytes
        let isHeld = source.withRows(rows) { weight in
          kernels.pack(weight, rows: rows.count, inputs: inputs, form, into: target)
        }
        (held + index).initialize(to: isHeld)
      }
      return (0..<count).allSatisfy { held[$0] }
    }
  }
}

extension PreparedWeights.Source {
  /// Calls `body` with some rows of the parts' weights, one after the other.
  fileprivate func withRows<Result>(_ rows: Range<Int>, _ body: (UnsafePointer<Float>) -> Result) -> Result {
    var first = 0
    for part in parts {
      let own = first..<first + part.outputs
      if own.contains(rows.lowerBound), rows.upperBound <= own.upperBound {
        return body(part.weight + (rows.lowerBound - first) * inputs)
      }
      first = own.upperBound
    }
    // The rows come from several parts, so they are gathered.
    var gathered: [Float] = []
    gathered.reserveCapacity(rows.count * inputs)
    first = 0
    for part in parts {
      let own = rows.clamped(to: first..<first + part.outputs)
      let start = part.weight + (own.lowerBound - first) * inputs
      if !own.isEmpty { gathered += UnsafeBufferPointer(start: start, count: own.count * inputs) }
      first += part.outputs
    }
    return gathered.withUnsafeBufferPointer { rows in
      rows.baseAddress.map(body) ?? body(parts[0].weight)
    }
  }
}

extension Kernels {
  /// Outputs in a panel.
  var panel: Int { self.set.pointee.panel }

  func panelByteCount(_ form: LinearWeights, inputs: Int) -> Int {
    switch form {
    case .float32, .packed: panel * inputs * MemoryLayout<Float>.stride
    case .float16: panel * inputs * MemoryLayout<UInt16>.stride
    case .int8: set.pointee.byte_panel_size(inputs)
    }
  }

  /// Packs at most ``panel`` rows of a weight; false when one does not fit the form.
  fileprivate func pack(
    _ weight: UnsafePointer<Float>, rows: Int, inputs: Int, _ form: LinearWeights,
    into target: UnsafeMutableRawPointer
  ) -> Bool {
    switch form {
    case .float32, .packed:
      set.pointee.pack_floats(weight, inputs, rows, inputs, target.assumingMemoryBound(to: Float.self))
      return true
    case .float16:
      return set.pointee.pack_halves(
        weight, inputs, rows, inputs, target.assumingMemoryBound(to: UInt16.self))
    case .int8:
      set.pointee.pack_bytes(weight, inputs, rows, inputs, target)
      return true
    }
  }
}
