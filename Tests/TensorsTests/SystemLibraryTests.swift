import CArchive
import CKernels
import Testing

@Suite("system libraries")
struct SystemLibraryTests {
  @Test("libarchive, which other containers are read with, loads and is version 3")
  func archive() throws {
    try #require(carchive_load())
    #expect((3_000_000..<5_000_000).contains(carchive_version_number()))
  }

  @Test("the BLAS library names itself and the kernels it chose")
  func blas() throws {
    try #require(blas_prepare())
    let description = try String(cString: #require(blas_description()))
    #if canImport(Darwin)
      #expect(description.hasPrefix("Accelerate"))
    #else
      #expect(description.hasPrefix("OpenBLAS 0.") && description.split(separator: " ").count >= 3)
    #endif
  }
}
