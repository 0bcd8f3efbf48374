import ArgumentParser
import ModelFiles

/// How files are read.
struct AccessOption: ParsableArguments {
  enum Access: String, ExpressibleByArgument, CaseIterable { case mmap, pread }

  @Option(
    name: .customLong("access"),
    help: """
      How weights are read: mmap is fastest; pread survives files that other programs shorten meanwhile.
      """)
  var access = Access.mmap

  var value: FileAccess { access == .mmap ? .mapped : .pread }
}

/// Shows how many of a number of bytes are done.
final class ByteMeter {
  private var progress: Progress
  private let total: Int
  private let label: String

  init(total: Int, label: String) {
    (progress, self.total, self.label) = (Progress(total: total), total, label)
  }

  func show(_ done: Int) {
    progress.show(done, label, detail: "\(done.bytesText) of \(total.bytesText)")
  }

  func clear() { progress.clear() }
}
