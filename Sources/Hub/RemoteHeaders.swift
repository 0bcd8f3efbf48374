import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A model of which only descriptions are here: its small files, and the headers of its weights.
///
/// The folder holds each file of weights in its full length, of which only the header has been downloaded: what follows
/// is a hole that takes no space and reads as zeros. Whatever looks at names, types and shapes alone opens it as any
/// other folder. It is removed with the value.
public struct RemoteHeaders: ~Copyable {
  public let folder: String
  public let commit: String
  /// What was downloaded.
  public let downloadedByteCount: Int

  init(folder: String, commit: String, downloadedByteCount: Int) {
    (self.folder, self.commit, self.downloadedByteCount) = (folder, commit, downloadedByteCount)
  }

  deinit { try? FileSystem.removeTree(folder) }
}

extension HubClient {
  /// The longest small file that is downloaded along.
  private static let smallLimit = 64 << 20
  /// What is asked for at first; most headers are shorter. Reference: `parse_safetensors_file_metadata`.
  private static let firstRange = 100_000

  /// Reads the headers of a model's weights and its small files, by requests for ranges.
  ///
  /// - Parameter reference: a model with safetensors weights, in one file or several.
  /// - Throws: ``HubError/noHeaders(name:found:)``, the other ``HubError``s, `SystemError`.
  public func headers(of reference: ModelReference) throws -> RemoteHeaders {
    let found = try info(reference)
    let files = try files(reference, found, selecting: .model)
    let weights = files.filter { !$0.path.contains("/") && $0.path.hasSuffix(".safetensors") }
    let described = Set(FileSelection.tokenizer.select(from: files.map(\.path)))
    let small = files.filter { file in
      (described.contains(file.path) || file.path.hasSuffix(".safetensors.index.json"))
        && file.byteCount <= Self.smallLimit
    }
    guard !weights.isEmpty else {
      throw HubError.noHeaders(name: reference.name, found: files.map(\.path))
    }
    let temporary = environmentVariable("TMPDIR") ?? "/tmp"
    let folder = try FileSystem.createTemporaryFolder(beside: FileSystem.join(temporary, "ckpt"))
    do {
      for file in small {
        let path = FileSystem.join(folder, file.path)
        try FileSystem.createFolder(FileSystem.parent(of: path))
        try fetch(reference, commit: found.commit, file, to: path, progress: { _ in })
      }
      var byteCount = small.reduce(0) { $0 + $1.byteCount }
      for file in weights {
        let header = try header(of: file, reference, commit: found.commit)
        try Self.writeHollow(header, byteCount: file.byteCount, to: FileSystem.join(folder, file.path))
        byteCount += header.count
      }
      return RemoteHeaders(folder: folder, commit: found.commit, downloadedByteCount: byteCount)
    } catch {
      try? FileSystem.removeTree(folder)
      throw error
    }
  }

  /// The length of the header and the header, or what there is of it.
  private func header(of file: RemoteFile, _ reference: ModelReference, commit: String) throws -> [UInt8] {
    var header = try range(..<min(Self.firstRange, file.byteCount), of: file, reference, commit: commit)
    // What is too short or too long to be one is told by whoever opens it.
    guard header.count >= 8 else { return header }
    let length = header[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(SafetensorsFile.maximumHeaderByteCount) else { return header }
    let end = min(8 + Int(length), file.byteCount)
    if end > header.count {
      header = try range(..<end, of: file, reference, commit: commit)
    }
    return Array(header[..<end])
  }

  private func range(
    _ range: PartialRangeUpTo<Int>, of file: RemoteFile, _ reference: ModelReference, commit: String
  ) throws -> [UInt8] {
    let address = try fileAddress(reference.name, commit, file.path)
    let sink = PrefixSink(limit: range.upperBound)
    do {
      let response = try http.send(to: sink) {
        sink.clear()
        return HTTPRequest(.get, address, headers: ["range": "bytes=0-\(range.upperBound - 1)"])
      }
      try check(
        response, address, Subject(name: reference.name, revision: reference.revision, file: file.path))
    } catch is PrefixSink.Enough {}
    guard sink.bytes.count == range.upperBound else {
      throw HubError.damaged(
        file: file.path, expected: "\(range.upperBound) bytes", found: "\(sink.bytes.count)")
    }
    return sink.bytes
  }

  /// Writes a file of which only the beginning is there.
  private static func writeHollow(_ bytes: [UInt8], byteCount: Int, to path: String) throws {
    try AtomicFile.write(bytes, to: path)
    guard truncate(path, off_t(byteCount)) == 0 else { throw SystemError.last("truncate", path) }
  }
}

/// Takes the first bytes of a file, even from a server that gives only whole ones.
private final class PrefixSink: HTTPSink {
  /// Ends a transfer of which the rest is not wanted.
  struct Enough: Error {}

  private(set) var bytes: [UInt8] = []
  private(set) var furthestPosition = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  func clear() { bytes.removeAll() }

  func begin(_ head: HTTPResponse) -> Bool {
    head.status == 200 || (head.status == 206 && head.headers["content-range"]?.hasPrefix("bytes 0-") == true)
  }

  func receive(_ piece: UnsafeRawBufferPointer) throws {
    bytes.append(contentsOf: piece.prefix(limit - bytes.count))
    furthestPosition = max(furthestPosition, bytes.count)
    if bytes.count == limit { throw Enough() }
  }
}
