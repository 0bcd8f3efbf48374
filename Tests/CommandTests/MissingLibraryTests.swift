#if os(Linux)
  import Foundation
  import Testing

  @Suite("a system library is missed by who needs it, and by nobody else")
  struct MissingLibraryTests {
    /// A run that finds empty files where the libraries should be.
    private func withoutLibraries(
      _ arguments: String..., environment: [String: String] = [:]
    ) throws -> Command.Result {
      let folder = try TemporaryFolder()
      for name in ["libarchive.so.13", "libarchive.so", "libopenblas.so.0", "libopenblas.so"] {
        try folder.write("", to: name)
      }
      let variables = environment.merging(["LD_LIBRARY_PATH": folder.url.path]) { $1 }
      let command = try Command(arguments, environment: variables)
      try command.process.run()
      return try command.wait()
    }

    @Test("compressed entries need libarchive, and the error names the package")
    func compressed() throws {
      let result = try withoutLibraries("inspect", "../numpy/savez_compressed.npz")
      #expect(result.exitCode == 2 && result.output.isEmpty)
      #expect(result.errors.contains("libarchive, which unpacks it, is not here; install it"))
      #expect(result.errors.contains("apt-get install libarchive13"))
    }

    @Test("stored entries do not")
    func stored() throws {
      let result = try withoutLibraries("inspect", "../numpy/savez.npz")
      #expect(result.exitCode == 0 && result.errors.isEmpty)
    }

    @Test(
      "without OpenBLAS our own kernels multiply, also where it was asked for",
      arguments: [[:], ["PRETRAINED_PRODUCTS": "blas"], ["PRETRAINED_KERNELS": "baseline"]])
    func products(environment: [String: String]) throws {
      let version = try withoutLibraries("--version", environment: environment)
      #expect(version.exitCode == 0)
      #expect(version.output.contains("OpenBLAS is not installed (libopenblas0)"))
      let arguments = ["predict", "classifier", "5.1 3.5 1.4 0.2"]
      let result = try withoutLibraries(
        arguments[0], arguments[1], arguments[2], environment: environment)
      #expect(try result.output == ckpt("predict", "classifier", "5.1 3.5 1.4 0.2").output)
    }
  }
#endif
