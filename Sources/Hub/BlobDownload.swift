import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file on its way: what has come is kept from run to run, and what it is is checked before it counts.
final class BlobDownload: HTTPSink {
  private let file: RemoteFile
  /// Where it grows.
  private let path: String
  private let descriptor: Int32
  private var digest: BlobDigest
  /// The bytes that are there.
  private(set) var position = 0
  /// The most bytes that have been there at one time.
  private(set) var furthestPosition = 0
  /// Told of bytes that have come, and of those that have to come again.
  private let progress: (Int) -> Void
  private let restarted: (String) -> Void

  /// Takes up what an earlier run has left at `path`.
  init(
    _ file: RemoteFile, at path: String, progress: @escaping (Int) -> Void,
    restarted: @escaping (String) -> Void
  ) throws {
    (self.file, self.path, self.progress, self.restarted) = (file, path, progress, restarted)
    digest = BlobDigest(isLarge: file.blob.isLarge, byteCount: file.byteCount)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else { throw SystemError.last("open", path) }
    let there = Int(lseek(descriptor, 0, SEEK_END))
    guard there <= file.byteCount else {
      try clear()
      return
    }
    try digest.update(descriptor, byteCount: there, path: path)
    (position, furthestPosition) = (there, there)
    progress(there)
  }

  deinit { close(descriptor) }

  /// Fetches what is missing, checks all of it, and makes it durable.
  ///
  /// An answer that ends before the file does is a failure like a broken connection: after as many in a row as
  /// ``RetryPolicy/standard`` allows without getting further, there is no other attempt.
  ///
  /// - Parameters:
  ///   - fetch: asks for the bytes from a position on; returns once an answer has ended.
  ///   - pause: waits after the failed attempt of a number, counted from 0.
  /// - Throws: ``HubError/damaged(file:expected:found:)``, what `fetch` throws.
  func run(fetch: (BlobDownload) throws -> Void, pause: (Int) -> Void) throws {
    var isFresh = position == 0
    while true {
      var failures = 0
      while position < file.byteCount {
        let before = furthestPosition
        try fetch(self)
        guard position < file.byteCount else { break }
        failures = furthestPosition > before ? 1 : failures + 1
        guard failures < RetryPolicy.standard.attempts else {
          throw HubError.damaged(file: file.path, expected: "\(file.byteCount) bytes", found: "\(position)")
        }
        pause(failures - 1)
      }
      let found = digest.finished()
      if found == file.blob.text { break }
      try clear()
      // What another run left may have been damaged; what came just now is what the hub gives.
      guard !isFresh else {
        unlink(path)
        throw HubError.damaged(file: file.path, expected: file.blob.text, found: found)
      }
      (isFresh, furthestPosition) = (true, 0)
      restarted("what an earlier run left of it is damaged")
    }
    guard fsync(descriptor) == 0 else { throw SystemError.last("fsync", path) }
  }

  /// What is asked for: all of it, or what is missing.
  var headers: HTTPHeaders { position == 0 ? [:] : ["range": "bytes=\(position)-"] }

  func begin(_ head: HTTPResponse) throws -> Bool {
    switch head.status {
    case 206:
      if head.headers["content-range"]?.hasPrefix("bytes \(position)-") == true { return true }
      throw HubError.notAHub(
        address: file.path, reason: "it gives another part of the file than was asked for")
    case 200:
      if position > 0 {
        restarted("only the whole file is given")
        try clear()
      }
      return true
    default: return false
    }
  }

  func receive(_ bytes: UnsafeRawBufferPointer) throws {
    guard position + bytes.count <= file.byteCount else {
      try clear()
      throw HubError.tooLong(file: file.path, limit: file.byteCount)
    }
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(position + done))
      if written < 0 && errno == EINTR { continue }
      guard written >= 0 else { throw SystemError.last("write", path) }
      done += written
    }
    digest.update(bytes)
    position += bytes.count
    furthestPosition = max(furthestPosition, position)
    progress(bytes.count)
  }

  /// Begins anew.
  func clear() throws {
    guard ftruncate(descriptor, 0) == 0 else { throw SystemError.last("ftruncate", path) }
    digest = BlobDigest(isLarge: file.blob.isLarge, byteCount: file.byteCount)
    progress(-position)
    position = 0
  }
}

extension HubClient {
  /// Fetches a file to `path`, which grows from run to run; its contents are checked when it is whole.
  func fetch(
    _ reference: ModelReference, commit: String, _ file: RemoteFile, to path: String,
    progress: @escaping (Int) -> Void
  ) throws {
    let address = try fileAddress(reference.name, commit, file.path)
    let restarted = { report(.restarted(file: file.path, reason: $0)) }
    let download = try BlobDownload(file, at: path, progress: progress, restarted: restarted)
    try download.run(fetch: { download in
      let response = try http.send(to: download) {
        var headers = download.headers
        headers.add("x-hf-download-counter", "1")
        return HTTPRequest(.get, address, headers: headers)
      }
      if response.status == 416 && download.position > 0 {
        restarted("the hub has less of it than an earlier run left")
        return try download.clear()
      }
      try check(
        response, address, Subject(name: reference.name, revision: reference.revision, file: file.path))
    }) { attempt in
      http.wait(
        seconds: RetryPolicy.pause(after: attempt),
        reason: "\(address): the answer ended after \(download.position) of \(file.byteCount) bytes")
    }
  }
}
