#if Serving
  import Foundation
  import ModelFiles
  import Testing

  @Suite("a model is served")
  struct ServeTests {
    @Test("until it is told to end, on a port that it prints", arguments: [SIGTERM, SIGINT])
    func served(signal: Int32) async throws {
      let command = try Command(["serve", "classifier", "--port", "0", "--json"])
      try command.process.run()
      let end = ContinuousClock.now + .seconds(30)
      while !command.output.contains("\n") && ContinuousClock.now < end && command.process.isRunning {
        try await Task.sleep(for: .milliseconds(10))
      }
      let ready = try JSONValue(parsing: command.output)
      #expect(ready["task"]?.stringValue == "text-classification")
      let url = try #require(ready["url"]?.stringValue)
      #expect(url.hasPrefix("http://127.0.0.1:"))
      kill(command.process.processIdentifier, signal)
      let result = try command.wait()
      #expect(result.exitCode == 0)
      #expect(result.errors.contains("answering what has been asked"))
    }

    @Test(
      "what cannot be is refused before the model is read",
      arguments: [
        (["serve", "nowhere", "--host", "0.0.0.0"], 2, "ask them for a token"),
        (["serve", "nowhere", "--host", "example.org"], 2, "give one in numbers"),
        (["serve", "nowhere", "--token-file", "classifier/config.json"], 2, "the token has"),
        (["serve", "nowhere", "--task", "translation"], 64, "choose one of text-classification"),
        (["serve", "nowhere", "--max-body", "0"], 64, "--max-body is 0"),
        (["serve", "embedder", "--port", "0", "--task", "text-classification"], 2, "classifier"),
      ])
    func refused(arguments: [String], code: Int32, says: String) throws {
      let command = try Command(arguments)
      try command.process.run()
      let result = try command.wait()
      #expect(result.exitCode == code)
      #expect(result.errors.contains(says), "\(result.errors)")
    }
  }
#endif
