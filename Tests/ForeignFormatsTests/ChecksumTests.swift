import CChecksums
import Testing

@Suite("checksums")
struct ChecksumTests {
  @Test("both give the check values of the catalogue of CRC algorithms, and zlib's and LevelDB's")
  func checkValues() {
    let digits = Array("123456789".utf8)
    #expect(checksum_crc32(0, digits, 9) == 0xCBF4_3926)
    #expect(checksum_crc32c(0, digits, 9) == 0xE306_9283)
    // LevelDB, util/crc32c_test.cc (RFC 3720, section B.4).
    #expect(checksum_crc32c(0, [UInt8](repeating: 0, count: 32), 32) == 0x8A91_36AA)
    #expect(checksum_crc32c(0, [UInt8](repeating: 0xFF, count: 32), 32) == 0x62A8_AB43)
    #expect(checksum_crc32c(0, [UInt8](0..<32), 32) == 0x46DD_794E)
    // zlib.crc32(bytes(i * i % 251 for i in range(100_000))) of Python.
    let bytes = (0..<100_000).map { UInt8($0 * $0 % 251) }
    #expect(checksum_crc32(0, bytes, bytes.count) == 0xCE5022E2)
  }

  @Test("the fast ones agree with plain C for every length, place in memory and beginning")
  func fastAgreesWithPortable() {
    let bytes = (0..<1100).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
    bytes.withUnsafeBytes { all in
      for count in 0...1024 {
        for offset in [0, 1, 7, 8, 15, 16, 31, 63] {
          let start = all.baseAddress.map { $0 + offset }
          let seed = UInt32(truncatingIfNeeded: count &* 40503 &* offset)
          #expect(checksum_crc32(seed, start, count) == checksum_crc32_portable(seed, start, count))
          #expect(checksum_crc32c(seed, start, count) == checksum_crc32c_portable(seed, start, count))
        }
      }
    }
  }

  @Test("a checksum can be continued at any place")
  func continued() {
    let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    bytes.withUnsafeBytes { all in
      for cut in stride(from: 0, through: 3000, by: 97) {
        let (first, second) = (all[..<cut], UnsafeRawBufferPointer(rebasing: all[cut...]))
        #expect(
          checksum_crc32(checksum_crc32(0, first.base.baseAddress, cut), second.baseAddress, second.count)
            == checksum_crc32(0, all.baseAddress, all.count))
        #expect(
          checksum_crc32c(checksum_crc32c(0, first.base.baseAddress, cut), second.baseAddress, second.count)
            == checksum_crc32c(0, all.baseAddress, all.count))
      }
    }
  }
}
