import CChecksums
import FineTuning
import ForeignFormats
import ModelFiles
import Pretrained
import Reports
import Testing

@Suite("TensorBoard's event file")
struct TensorBoardTests {
  /// The records of a file, their lengths and checksums checked.
  private func records(_ bytes: [UInt8]) throws -> [[UInt8]] {
    func number<T: FixedWidthInteger>(_ at: Int, as type: T.Type) -> T {
      bytes[at..<at + T.bitWidth / 8].reversed().reduce(0) { $0 << 8 | T($1) }
    }
    func masked(_ range: Range<Int>) -> UInt32 {
      let part = Array(bytes[range])
      let sum = part.withUnsafeBytes { checksum_crc32c(0, $0.baseAddress, $0.count) }
      return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
    }
    var (records, at): ([[UInt8]], Int) = ([], 0)
    while at < bytes.count {
      let length = Int(number(at, as: UInt64.self))
      #expect(number(at + 8, as: UInt32.self) == masked(at..<at + 8))
      let content = at + 12..<at + 12 + length
      #expect(number(content.upperBound, as: UInt32.self) == masked(content))
      records.append(Array(bytes[content]))
      at = content.upperBound + 4
    }
    return records
  }

  @Test("a scalar has the bytes that torch writes")
  func scalar() throws {
    let folder = try TemporaryFolder()
    let writer = try TensorBoardWriter(folder: folder.path, time: 1.5, host: "a/b", process: 7)
    #expect(writer.path == folder.path + "/events.out.tfevents.0000000001.a_b.7.0")
    try writer.scalar("train/loss", 0, step: 5, time: 2)
    let bytes = try folder.bytes(writer.path)
    let records = try records(bytes)
    #expect(records.count == 2)
    // wall_time 1.5 and file_version
    #expect(records[0] == [9, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0x1A, 13] + Array("brain.Event:2".utf8))
    // wall_time 2, step 5, summary { value { tag, simple_value: there although it is zero } }
    #expect(
      records[1] == [9, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x10, 5, 0x2A, 19, 0x0A, 17, 0x0A, 10]
        + Array("train/loss".utf8) + [0x15, 0, 0, 0, 0])
  }

  @Test("a length of 32 has the checksum of torch's file")
  func checksum() throws {
    let folder = try TemporaryFolder()
    let writer = try TensorBoardWriter(folder: folder.path, time: 0, host: "h", process: 1)
    try writer.scalar("train/loss", 1, step: 5, time: 2)
    // The first record has 24 bytes and 16 around them.
    #expect(try folder.bytes(writer.path)[40..<52] == [0x20, 0, 0, 0, 0, 0, 0, 0, 0x29, 0xED, 0xA9, 0x50])
  }

  @Test("equal arguments give equal bytes, and NaN is kept")
  func deterministic() throws {
    func file() throws -> [UInt8] {
      let folder = try TemporaryFolder()
      let writer = try TensorBoardWriter(folder: folder.path + "/runs/x", time: 3, host: "h", process: 1)
      try writer.text("args", "{}", time: 3)
      try writer.scalar("eval/loss", .nan, step: 1 << 40, time: 4)
      return try folder.bytes(writer.path)
    }
    #expect(try file() == file())
    #expect(try records(file()).count == 3)
  }

  @Test(
    "runs are named by local time",
    arguments: [
      (0.0, 0, "Jan01_00-00-00_h"), (1_795_634_258.9, 0, "Nov25_19-17-38_h"),
      (1_795_634_258, 5 * 3600 + 1800, "Nov26_00-47-38_h"), (951_782_400, 0, "Feb29_00-00-00_h"),
      (951_782_399, 0, "Feb28_23-59-59_h"), (-1, 0, "Dec31_23-59-59_h"), (Double.nan, 0, "Jan01_00-00-00_h"),
      (Double.infinity, 0, "Jan01_00-00-00_h"),
    ])
  func names(time: Double, offset: Int, name: String) {
    #expect(TensorBoardWriter.runName(at: time, host: "h", utcOffset: offset) == name)
  }

  @Test("hosts lead nowhere else")
  func hosts() {
    #expect(TensorBoardWriter.runName(at: 0, host: "../é x") == "Jan01_00-00-00_..___x")
    #expect(TensorBoardWriter.runName(at: 0, host: "") == "Jan01_00-00-00_localhost")
  }
}
