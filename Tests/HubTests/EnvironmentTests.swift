import Hub
import ModelFiles
import Testing

@Suite("the environment")
struct EnvironmentTests {
  private func environment(_ variables: [String: String]) -> HubEnvironment {
    HubEnvironment { variables[$0] }
  }

  @Test("names the hub, without a slash at its end")
  func endpoint() {
    #expect(environment([:]).endpoint == "https://huggingface.co")
    #expect(environment(["HF_ENDPOINT": "http://mirror.test/hf//"]).endpoint == "http://mirror.test/hf")
  }

  @Test("forbids the network by words that Python takes for yes", arguments: ["1", "on", "Yes", "TRUE"])
  func offline(value: String) {
    #expect(environment(["HF_HUB_OFFLINE": value]).offlineVariable == "HF_HUB_OFFLINE")
    #expect(environment(["TRANSFORMERS_OFFLINE": value]).offlineVariable == "TRANSFORMERS_OFFLINE")
    #expect(environment(["HF_HUB_OFFLINE": "0"]).offlineVariable == nil)
  }

  @Test("gives the token from the first place that has one, and says from where")
  func token() throws {
    let home = try TemporaryFolder()
    try home.write("token", " hf_file\r\n")
    try home.write("other", "hf_other")
    let base = ["HF_HOME": home.path]
    let places: [([String: String], String, String)] = [
      ([:], "hf_file", home("token")), (["HF_TOKEN_PATH": home("other")], "hf_other", home("other")),
      (["HUGGING_FACE_HUB_TOKEN": "hf_old"], "hf_old", "HUGGING_FACE_HUB_TOKEN"),
      (["HUGGING_FACE_HUB_TOKEN": "hf_old", "HF_TOKEN": "hf_new\n"], "hf_new", "HF_TOKEN"),
      (["HF_TOKEN": "  "], "hf_file", home("token")),
    ]
    for (variables, secret, source) in places {
      #expect(environment(base.merging(variables) { $1 }).token == .init(secret: secret, source: source))
    }
    #expect(environment(["HF_HOME": "/nowhere"]).token == nil)
  }

  @Test("never shows the token, however it is printed")
  func hidesToken() {
    let environment = environment(["HF_TOKEN": "hf_secret"])
    var dumped = ""
    dump(environment, to: &dumped)
    for text in ["\(environment)", String(reflecting: environment), dumped] {
      #expect(text.contains("HF_TOKEN"))
      #expect(!text.contains("hf_secret"))
    }
  }

  @Test("keeps the token back from reading when it says so")
  func anonymous() throws {
    let variables = [
      "HF_TOKEN": "hf_x", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "HF_ENDPOINT": TinyHub.endpoint,
    ]
    for signsIn in [false, true] {
      let transport = FakeTransport { _, _ in .json(["sha": .string(TinyHub.commit)]) }
      let hub = try HubClient(
        environment(variables), signsIn: signsIn, transport: transport, pause: { _ in }, report: { _ in })
      _ = try hub.info(ModelReference("org/model"))
      #expect((transport.requests[0].headers["authorization"] != nil) == signsIn)
    }
  }

  @Test("sets the patience, by a sensible number of seconds")
  func timeout() {
    #expect(environment([:]).timeout == 10)
    #expect(environment(["HF_HUB_DOWNLOAD_TIMEOUT": "30"]).timeout == 30)
    #expect(environment(["HF_HUB_DOWNLOAD_TIMEOUT": "-1"]).timeout == 10)
  }
}
