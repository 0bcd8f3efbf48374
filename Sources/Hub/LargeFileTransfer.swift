package import ModelFiles
import Synchronization

/// How a store wants a file.
package struct UploadAction: Sendable, Equatable {
  package enum Way: Sendable, Equatable {
    case whole(href: String)
    case parts(size: Int, hrefs: [String], complete: String)
    /// It has it already.
    case none
  }

  package var way: Way
  /// Where to ask whether it has arrived; nil where nobody wants to know.
  package var verification: String?

  /// What git's large file storage answers for one object.
  ///
  /// - Parameters:
  ///   - object: of the answer's `objects`.
  ///   - byteCount: of the file.
  ///   - file: named in errors.
  /// - Throws: ``HubError/uploadRefused(file:reason:)``.
  package init(_ object: JSONValue, byteCount: Int, file: String) throws(HubError) {
    if let error = object["error"] {
      throw .uploadRefused(file: file, reason: error["message"]?.stringValue ?? "the hub refuses it")
    }
    verification = object["actions"]?["verify"]?["href"]?.stringValue
    guard let upload = object["actions"]?["upload"] else {
      way = .none
      return
    }
    guard let href = upload["href"]?.stringValue else {
      throw .uploadRefused(file: file, reason: "the hub does not say where to send it")
    }
    guard let header = upload["header"], let chunk = header["chunk_size"] else {
      way = .whole(href: href)
      return
    }
    let parts = (header.members ?? []).compactMap { member -> (number: Int, href: String)? in
      guard let number = Int(member.key), let href = member.value.stringValue else { return nil }
      return (number, href)
    }.sorted { $0.number < $1.number }
    guard let size = chunk.intValue ?? chunk.stringValue.flatMap(Int.init), size > 0,
      parts.count == Swift.max(1, byteCount / size + (byteCount % size == 0 ? 0 : 1)),
      zip(parts, 1...).allSatisfy({ $0.number == $1 })
    else {
      throw .uploadRefused(
        file: file, reason: "the hub names \(parts.count) parts, which do not make up the file")
    }
    way = .parts(size: size, hrefs: parts.map(\.href), complete: href)
  }
}

extension HubClient {
  private static let mediaType = "application/vnd.git-lfs+json"
  private static let batchSize = 256

  /// Sends files outside of git to where the hub wants them; those it has are skipped.
  ///
  /// - Returns: the bytes that were sent.
  func transfer(_ files: [PreparedFile], _ reference: ModelReference) throws -> Int {
    // Equal contents are one object.
    var seen: Set<String> = []
    let objects = files.filter { seen.insert($0.sha256).inserted }
    let actions = try objects.chunked(Self.batchSize).flatMap { batch in
      zip(batch, try self.actions(batch, reference))
    }
    let wanted = actions.filter { $0.1.way != .none }
    let meter = TransferMeter(total: wanted.reduce(0) { $0 + $1.0.file.byteCount }, report: report)
    let wholes = wanted.filter { if case .whole = $0.1.way { true } else { false } }
    try concurrently(wholes, width: Self.width) { try send($0.0, $0.1, reference, meter) }
    for (file, action) in wanted {
      if case .parts = action.way { try send(file, action, reference, meter) }
    }
    return meter.total
  }

  /// Asks where to send files, in their order.
  private func actions(_ files: [PreparedFile], _ reference: ModelReference) throws -> [UploadAction] {
    let request: JSONValue = [
      "operation": "upload", "transfers": ["basic", "multipart"],
      "objects": .array(files.map { ["oid": .string($0.sha256), "size": .number($0.file.byteCount)] }),
      "hash_algo": "sha256", "ref": ["name": .string(reference.revision)],
    ]
    let address = try address("/\(reference.name).git/info/lfs/objects/batch")
    let subject = Subject(name: reference.name, revision: reference.revision)
    let (document, _) = try json(subject, post(address, request, type: Self.mediaType))
    let answers = document["objects"]?.arrayValue ?? []
    return try files.map { file in
      guard let answer = answers.first(where: { $0["oid"]?.stringValue == file.sha256 }) else {
        throw HubError.uploadRefused(file: file.file.name, reason: "the hub does not say where to send it")
      }
      return try UploadAction(answer, byteCount: file.file.byteCount, file: file.file.name)
    }
  }

  /// Sends one file, and asks once more where to when that fails: addresses expire, and it may have arrived.
  private func send(
    _ file: PreparedFile, _ action: UploadAction, _ reference: ModelReference, _ meter: TransferMeter
  ) throws {
    do { try sendOnce(file, action, meter) } catch let error as HubError where error.isWorthAsking {
      guard let again = try actions([file], reference).first, again.way != .none else { return }
      report(.restarted(file: file.file.name, reason: "\(error)"))
      try sendOnce(file, again, meter)
    }
  }

  private func sendOnce(_ file: PreparedFile, _ action: UploadAction, _ meter: TransferMeter) throws {
    switch action.way {
    case .none: return
    case .whole(let href): _ = try put(file, 0..<file.file.byteCount, to: href, meter)
    case .parts(let size, let hrefs, let complete):
      let etags = Mutex([Int: String]())
      try concurrently(Array(hrefs.enumerated()), width: Self.width) { index, href in
        let start = index * size
        let range = start..<start + min(size, file.file.byteCount - start)
        guard let etag = try put(file, range, to: href, meter) else {
          throw HubError.uploadRefused(
            file: file.file.name, reason: "the store gives no checksum of part \(index + 1)")
        }
        etags.withLock { $0[index] = etag }
      }
      let parts = etags.withLock { etags in
        hrefs.indices.map { index -> JSONValue in
          ["partNumber": .number(index + 1), "etag": .string(etags[index] ?? "")]
        }
      }
      var request = post(
        try address(given: complete), ["oid": .string(file.sha256), "parts": .array(parts)],
        type: Self.mediaType)
      // The address is signed, which is credential enough.
      request.isAuthorised = false
      request.timeout = Self.patience
      let completing = request
      let response = try http.send(retries: .none) { completing }
      try checkStore(response, request.address, file)
    }
    if let verification = action.verification { try verify(file, at: verification) }
  }

  /// Lets the hub look whether a file has arrived.
  private func verify(_ file: PreparedFile, at href: String) throws {
    let request = post(
      try address(given: href), ["oid": .string(file.sha256), "size": .number(file.file.byteCount)],
      type: Self.mediaType)
    let response = try http.send { request }
    guard response.isSuccess else {
      throw HubError.uploadRefused(
        file: file.file.name, reason: "it did not arrive whole (\(response.status))")
    }
  }

  /// Sends a range of a file to a signed address.
  ///
  /// - Returns: the checksum that the store gives.
  private func put(
    _ file: PreparedFile, _ range: Range<Int>, to href: String, _ meter: TransferMeter
  ) throws -> String? {
    try file.file.checkUnchanged()
    let address = try address(given: href)
    var request = HTTPRequest(.put, address, body: .file(path: file.file.path, range: range))
    request.isAuthorised = false
    request.timeout = Self.patience
    let (sending, part) = (request, meter.part(file.file.name))
    do {
      let response = try http.send(sent: part.show) { sending }
      try checkStore(response, address, file)
      return response.headers["etag"]
    } catch {
      part.show(0)
      throw error
    }
  }

  private func checkStore(_ response: HTTPResponse, _ address: WebAddress, _ file: PreparedFile) throws {
    guard !response.isSuccess else { return }
    if [400, 413, 422, 501].contains(response.status) {
      throw HubError.uploadRefused(
        file: file.file.name, reason: "the store at \(address.origin.host) answers \(response.status)")
    }
    throw HubError.refused(
      address: address.description, status: response.status, message: "while \(file.file.name) was sent",
      requestID: response.headers["x-request-id"])
  }
}

extension HubError {
  /// Whether asking anew where to send a file may help.
  fileprivate var isWorthAsking: Bool {
    if case .refused(_, let status, _, _) = self, [401, 403, 404, 410].contains(status) { return true }
    return isOutage
  }
}

/// Adds up what has been sent by several threads.
private final class TransferMeter: Sendable {
  let total: Int
  private let report: @Sendable (HubEvent) -> Void
  private let done = Mutex(0)

  init(total: Int, report: @escaping @Sendable (HubEvent) -> Void) {
    (self.total, self.report) = (total, report)
  }

  /// Counts one request, which may begin again.
  func part(_ file: String) -> Part { Part(self, file) }

  final class Part {
    private let meter: TransferMeter
    private let file: String
    private var last = 0

    init(_ meter: TransferMeter, _ file: String) { (self.meter, self.file) = (meter, file) }

    func show(_ sent: Int) {
      let change = sent - last
      last = sent
      let sum = meter.done.withLock { sum in
        sum += change
        return sum
      }
      meter.report(.transferred(byteCount: sum, of: meter.total, file: file))
    }
  }
}
