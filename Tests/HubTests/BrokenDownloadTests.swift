import Hub
import ModelFiles
import Testing

@Suite("downloads that break")
struct BrokenDownloadTests {
  /// A model whose weights are given by `rule`.
  private func client(_ rule: @escaping @Sendable (HTTPRequest) -> Answer) throws -> TestClient {
    var tiny = PullTests.tiny
    tiny.override = { request, _ in
      request.address.target.hasSuffix("model.safetensors") ? rule(request) : nil
    }
    return try TestClient(tiny)
  }

  private func asked(_ client: TestClient) -> [HTTPRequest] {
    client.transport.requests.filter { $0.address.target.hasSuffix(".safetensors") }
  }

  @Test("end when the same bytes come again and again", arguments: [true, false])
  func repeatedBytes(isCut: Bool) throws {
    let client = try client { _ in
      isCut ? Answer(body: smallWeights, cut: 20) : Answer(body: Array(smallWeights.prefix(20)))
    }
    let error = #expect(throws: HubError.self) { try client.hub.pull(ModelReference("org/model")) }
    switch error {
    case .unreachable where isCut: break
    case .damaged("model.safetensors", _, "20") where !isCut: break
    default: Issue.record("\(error.map { "\($0)" } ?? "nothing")")
    }
    #expect(asked(client).count == 5)
    #expect(client.diary.waits == [1, 2, 4, 8])
  }

  @Test("of headers end too")
  func repeatedHeaders() throws {
    let client = try client { _ in Answer(body: smallWeights, cut: 20) }
    #expect {
      try client.hub.headers(of: ModelReference("org/model")).commit
    } throws: { error in
      if case HubError.unreachable = error { true } else { false }
    }
    #expect(asked(client).count == 5)
  }

  @Test("go on as often as they get further, also when answers end without a word")
  func shortAnswers() throws {
    let client = try client { request in
      let start = request.headers["range"].flatMap { Int($0.filter(\.isNumber)) } ?? 0
      return Answer(
        status: start == 0 ? 200 : 206, headers: ["Content-Range": "bytes \(start)-"],
        body: Array(smallWeights.dropFirst(start).prefix(10)))
    }
    let snapshot = try client.hub.pull(ModelReference("org/model"))
    #expect(try FileSystem.read(snapshot.folder + "/model.safetensors") == smallWeights)
    #expect(asked(client).count == (smallWeights.count + 9) / 10)
    #expect(client.diary.waits.allSatisfy { $0 == 1 })
  }

  @Test("end when a server has neither the rest of a file nor all of it")
  func neither() throws {
    let client = try client { request in
      request.headers["range"] == nil ? Answer(body: Array(smallWeights.prefix(20))) : .status(416)
    }
    #expect(throws: HubError.self) { try client.hub.pull(ModelReference("org/model")) }
    #expect(asked(client).count < 10)
  }

  @Test("are not begun when no number could count their bytes")
  func countless() throws {
    let client = try TestClient { request, _ in
      let file: JSONValue = ["type": "file", "size": .number(.max), "oid": .string(TinyHub.commit)]
      guard request.address.target.contains("/tree/") else { return .json(["sha": .string(TinyHub.commit)]) }
      return .json(
        .array(
          ["config.json", "vocab.txt"].map { name in
            var file = file
            file.set("path", .string(name))
            return file
          }))
    }
    #expect {
      try client.hub.pull(ModelReference("org/model"))
    } throws: { error in
      if case HubError.notAHub = error { true } else { false }
    }
  }
}
