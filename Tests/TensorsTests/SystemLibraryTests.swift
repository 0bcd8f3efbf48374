import CArchive
import CKernels
import Testing

@Suite("system libraries")
struct SystemLibraryTests {
  @Test("libarchive, which other containers are read with, links and is version 3")
  func archive() {
    #expect((3_000_000..<5_000_000).contains(archive_version_number()))
  }

  @Test("the BLAS library names itself and the kernels it chose")
  func blas() {
    blas_prepare()
    let description = String(cString: blas_description())
    #if canImport(Darwin)
      #expect(description.hasPrefix("Accelerate"))
    #else
      #expect(description.hasPrefix("OpenBLAS 0.") && description.split(separator: " ").count >= 3)
    #endif
  }
}
