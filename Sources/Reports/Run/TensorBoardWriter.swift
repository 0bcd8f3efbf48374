import CChecksums
import ForeignFormats
public import ModelFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Appends to one of TensorBoard's event files, a record at a time, each on disk as soon as it is written.
///
/// A record is its length, the length's checksum, a `tensorboard.Event` message, and the message's checksum; checksums
/// are CRC-32C, masked. Sources: `tensorflow/core/lib/io/record_writer.cc`, `tensorboard/compat/proto/event.proto`.
/// What the time is, is the caller's to say: equal arguments give equal bytes.
public final class TensorBoardWriter {
  /// The file that is written.
  public let path: String
  private let descriptor: Int32

  /// Makes `events.out.tfevents.<time>.<host>.<process>.<number>` in a folder, which is made if need be.
  ///
  /// - Parameters:
  ///   - folder: the run's folder, as ``runName(at:host:utcOffset:)`` names it.
  ///   - time: seconds since 1970.
  ///   - host: the machine's name.
  ///   - process: the process's number.
  ///   - number: counts the files of a process, from 0.
  /// - Throws: `SystemError`.
  public init(folder: String, time: Double, host: String, process: Int, number: Int = 0) throws(SystemError) {
    try Self.makeFolders(folder)
    let seconds = String(Self.wholeSeconds(time))
    let padded = String(repeating: "0", count: max(0, 10 - seconds.count)) + seconds
    path = FileSystem.join(
      folder, "events.out.tfevents.\(padded).\(Self.fileNamePart(host)).\(process).\(number)")
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw SystemError(call: "open", path: path, code: errno) }
    try append(Self.event(time: time) { $0.append(3, bytes: "brain.Event:2".utf8) })
  }

  deinit { close(descriptor) }

  /// Appends a number, which TensorBoard keeps as a float.
  ///
  /// - Parameters:
  ///   - tag: the curve's name, such as `train/loss`.
  ///   - value: any number, NaN too.
  ///   - step: the optimiser step.
  ///   - time: seconds since 1970.
  /// - Throws: `SystemError`.
  public func scalar(_ tag: String, _ value: Float, step: Int, time: Double) throws(SystemError) {
    try append(
      Self.summary(time: time, step: step) {
        $0.append(1, bytes: tag.utf8)
        $0.append(2, float: value)
      })
  }

  /// Appends a text, which TensorBoard shows as Markdown.
  ///
  /// - Parameters:
  ///   - tag: the text's name, such as `args`; torch appends `/text_summary`, and so does this.
  ///   - text: what to show.
  ///   - step: the optimiser step.
  ///   - time: seconds since 1970.
  /// - Throws: `SystemError`.
  public func text(
    _ tag: String, _ text: String, step: Int = 0, time: Double
  ) throws(SystemError) {
    let typeOfStrings: UInt64 = 7
    try append(
      Self.summary(time: time, step: step) {
        $0.append(1, bytes: "\(tag)/text_summary".utf8)
        $0.append(
          8,
          message: { tensor in
            tensor.append(1, varint: typeOfStrings)
            tensor.append(2, message: { $0.append(2, message: { $0.append(1, varint: 1) }) })
            tensor.append(8, bytes: text.utf8)
          })
        $0.append(9, message: { $0.append(1, message: { $0.append(1, bytes: "text".utf8) }) })
      })
  }

  /// `Nov25_18-45-54_host`, as torch's `SummaryWriter` names a run's folder below `runs`.
  ///
  /// - Parameters:
  ///   - time: seconds since 1970.
  ///   - host: the machine's name.
  ///   - utcOffset: seconds that the local time is ahead.
  public static func runName(at time: Double, host: String, utcOffset: Int = 0) -> String {
    let local = CalendarTime(secondsSince1970: wholeSeconds(time) + utcOffset)
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(months[local.month - 1])\(two(local.day))_"
      + "\(two(local.hour))-\(two(local.minute))-\(two(local.second))_\(fileNamePart(host))"
  }

  // MARK: Records

  private static func event(
    time: Double, _ body: (inout ProtocolBufferWriter) -> Void
  ) -> [UInt8] {
    var event = ProtocolBufferWriter()
    event.append(1, double: time)
    body(&event)
    return event.bytes
  }

  private static func summary(
    time: Double, step: Int, _ value: (inout ProtocolBufferWriter) -> Void
  ) -> [UInt8] {
    event(time: time) { event in
      event.append(2, varint: UInt64(bitPattern: Int64(step)))
      event.append(5, message: { $0.append(1, message: value) })
    }
  }

  private func append(_ message: [UInt8]) throws(SystemError) {
    var record: [UInt8] = []
    record.reserveCapacity(message.count + 16)
    withUnsafeBytes(of: UInt64(message.count).littleEndian) { record += $0 }
    record.appendChecksum(of: record)
    record += message
    record.appendChecksum(of: message)
    // One call, so that a reader never finds half a record but where the disk is full.
    var rest = record[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
      guard written >= 0 || errno == EINTR else {
        throw SystemError(call: "write", path: path, code: errno)
      }
      rest = rest.dropFirst(max(0, written))
    }
  }

  // MARK: Names

  private static func wholeSeconds(_ time: Double) -> Int { Int(exactly: time.rounded(.down)) ?? 0 }

  /// A host's name without what could lead elsewhere.
  private static func fileNamePart(_ host: String) -> String {
    let allowed = host.unicodeScalars.map { scalar -> Character in
      let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      return isPlain || "-_.".unicodeScalars.contains(scalar) ? Character(scalar) : "_"
    }
    return allowed.isEmpty ? "localhost" : String(allowed)
  }

  private static func makeFolders(_ path: String) throws(SystemError) {
    guard !path.isEmpty, !FileSystem.isDirectory(path) else { return }
    let parent = FileSystem.parent(of: path)
    if parent != path { try makeFolders(parent) }
    try FileSystem.createFolder(path)
  }
}

extension [UInt8] {
  /// Appends the CRC-32C of `bytes`, rotated and shifted so that a checksum over checksums still means something.
  fileprivate mutating func appendChecksum(of bytes: [UInt8]) {
    let sum = bytes.withUnsafeBytes { checksum_crc32c(0, $0.baseAddress, $0.count) }
    let masked = (sum >> 15 | sum << 17) &+ 0xA282_EAD8
    Swift.withUnsafeBytes(of: masked.littleEndian) { self += $0 }
  }
}

// Within a type that has a `write` of its own, the unqualified name means that.
private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, start, count)
}
