import CKernels
import Foundation
import Testing

import Tensors

@Suite("the worker pool")
struct WorkerPoolTests {
  /// One value an index, written without a lock: the pool alone keeps threads from racing for it.
  final class Slots<Value>: @unchecked Sendable {
    private let values: UnsafeMutableBufferPointer<Value>
    init(_ count: Int, _ value: Value) {
      values = .allocate(capacity: count)
      values.initialize(repeating: value)
    }
    deinit {
      values.deinitialize()
      values.deallocate()
    }
    subscript(index: Int) -> Value {
      get { values[index] }
      set { values[index] = newValue }
    }
    var all: [Value] { Array(values) }
  }

  @Test("runs every index once", arguments: [1, 2, 3, 8])
  func everyIndex(_ threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    #expect(pool.threadCount == threads)
    for count in [0, 1, 2, 3, 7, 64, 1000] {
      let counts = Slots(count, 0)
      pool.forEach(count) { counts[$0] += 1 }
      #expect(counts.all == [Int](repeating: 1, count: count))
    }
  }

  @Test("what tasks wrote is there when the call returns, thousands of times over")
  func visibility() {
    let pool = WorkerPool(threadCount: 3)
    let values = Slots(16, 0)
    for turn in 1...3000 {
      pool.forEach(16) { values[$0] += 1 }
      if !values.all.allSatisfy({ $0 == turn }) {
        Issue.record("turn \(turn): \(values.all)")
        return
      }
    }
  }

  @Test("sleeping workers are woken")
  func parking() {
    let pool = WorkerPool(threadCount: 2)
    var mostThreads = 0
    for _ in 0..<5 {
      usleep(2000)  // longer than the workers spin
      let ran = Slots(64, 0)
      let threads = Slots(64, pthread_self())
      pool.forEach(64) { index in
        ran[index] += 1
        threads[index] = pthread_self()
        usleep(50)
      }
      #expect(ran.all == [Int](repeating: 1, count: 64))
      mostThreads = max(mostThreads, Set(threads.all).count)
    }
    #expect(mostThreads == 2, "the worker slept through five loops of several milliseconds")
  }

  @Test("a loop inside a task runs on the thread of the task")
  func nesting() {
    let pool = WorkerPool(threadCount: 2)
    let counts = Slots(64, 0)
    pool.forEach(8) { outer in
      let thread = pthread_self()
      pool.forEach(8) { inner in
        counts[outer * 8 + inner] += 1
        #expect(pthread_equal(thread, pthread_self()) != 0)
      }
    }
    #expect(counts.all == [Int](repeating: 1, count: 64))
  }

  @Test("several callers at once all get their work done")
  func concurrentCallers() {
    let pool = WorkerPool(threadCount: 2)
    let counts = (0..<4).map { _ in Slots(50, 0) }
    DispatchQueue.concurrentPerform(iterations: 4) { caller in
      for _ in 0..<200 { pool.forEach(50) { counts[caller][$0] += 1 } }
    }
    for counts in counts { #expect(counts.all == [Int](repeating: 200, count: 50)) }
  }

  @Test("a range is cut at the multiples of its grain, for any number of threads", arguments: [1, 4])
  func ranges(_ threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    let found = Slots(3, 0..<0)
    pool.forEachRange(23, grain: 10) { found[$0.lowerBound / 10] = $0 }
    #expect(found.all == [0..<10, 10..<20, 20..<23])
    pool.forEachRange(0, grain: 10) { _ in Issue.record("an empty range has no pieces") }
  }

  @Test("threads end with their pool")
  func endings() {
    for _ in 0..<50 {
      let pool = WorkerPool(threadCount: 3)
      let counts = Slots(3, 0)
      pool.forEach(3) { counts[$0] += 1 }
      #expect(counts.all == [1, 1, 1])
    }
  }

  @Test("subnormal numbers are flushed in tasks, and the caller's mode comes back", arguments: [1, 2])
  func subnormals(_ threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    let mode = floating_point_mode()
    let flushed = Slots(32, false)
    pool.forEach(32) { index in
      let tiny = Float(bitPattern: 0x0080_0000 + UInt32(index))
      var product: [Float] = [tiny]
      Kernels.best.scale(&product, 0.5, 1)
      flushed[index] = product[0] == 0
      usleep(20)
    }
    #if arch(x86_64) || arch(arm64)
      #expect(flushed.all.allSatisfy { $0 })
    #endif
    #expect(floating_point_mode() & ~0x3f == mode & ~0x3f, "only the exception flags may differ")
    var half = [Float.leastNormalMagnitude]
    Kernels.best.scale(&half, 0.5, 1)
    #expect(half[0] > 0)
  }
}
