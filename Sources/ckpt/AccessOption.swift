import ArgumentParser
import ModelFiles

/// How files are read.
struct AccessOption: ParsableArguments {
  enum Access: String, ExpressibleByArgument, CaseIterable { case mmap, pread }

  @Option(
    name: .customLong("access"),
    help: """
      How weights are read: mmap, the fastest where all of a file is read; or pread, which survives files that other \
      programs shorten meanwhile.
      """)
  var access: Access?

  var value: FileAccess { access == .pread ? .pread : .mapped }

  /// For headers alone, which are read sooner than a large file is mapped.
  var valueForHeaders: FileAccess { access == .mmap ? .mapped : .pread }
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
