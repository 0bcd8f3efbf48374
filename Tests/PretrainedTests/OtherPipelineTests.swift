import Foundation
import Pretrained
import Testing

@Suite("masks are filled in as transformers' pipeline does")
struct FillMaskTests {
  @Test("ids, tokens, probabilities and whole texts")
  func predictions() throws {
    let fill = try FillMask(Fixture.path("masked-lm"))
    let expected = try Fixture.expected()
    for (index, text) in try Fixture.strings(expected["masked"]).enumerated() {
      let masks = try #require(expected["fill_mask"]?[index]?.arrayValue)
      let found = try fill(text, topK: 4)
      #expect(found.count == masks.count)
      for (found, mask) in zip(found, masks) {
        let rows = try #require(mask.arrayValue)
        #expect(found.map(\.id) == rows.compactMap { $0["id"]?.intValue })
        #expect(found.map(\.token) == rows.compactMap { $0["token"]?.stringValue })
        #expect(found.map(\.sequence) == rows.compactMap { $0["sequence"]?.stringValue })
        #expect(isClose(found.map(\.score), rows.compactMap { $0["score"]?.doubleValue.map(Float.init) }))
      }
    }
  }

  @Test("a text without a mask is an error that shows how to write one")
  func noMask() throws {
    let fill = try FillMask(Fixture.path("masked-lm"))
    #expect(throws: FillMaskError.noMask(text: "paris", mask: "[MASK]")) { try fill("paris") }
  }

  @Test("a model without the head cannot")
  func noHead() {
    #expect(throws: CheckpointError.self) { try FillMask(Fixture.path("embedder")) }
  }
}

@Suite("texts become vectors")
struct TextEmbedderTests {
  @Test("the mean of the tokens, scaled or not", arguments: [true, false])
  func mean(normalizes: Bool) throws {
    let embedder = try TextEmbedder(Fixture.path("embedder"), normalizes: normalizes)
    let expected = try Fixture.expected()
    let texts = try Fixture.strings(expected["texts"])
    let rows = try #require(expected["embeddings"]?[normalizes ? "normalized" : "mean"]?.arrayValue)
    let batch = try embedder(texts, batchSize: 4)
    for (index, text) in texts.enumerated() {
      let row = try Fixture.floats(rows[index])
      #expect(isClose(try embedder(text), row), "\(text)")
      #expect(isClose(batch[index], row), "\(text), in a batch")
    }
  }

  @Test("modules.json says whether to scale")
  func folderDecides() throws {
    let folder = try TemporaryFolder()
    #expect(try TextEmbedder(Fixture.path("embedder")).normalizes)
    let plain = try folder.copy("embedder")
    try FileManager.default.removeItem(atPath: plain + "/modules.json")
    #expect(try !TextEmbedder(plain).normalizes)
  }

  @Test("1_Pooling/config.json can ask for the first token")
  func firstToken() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy("embedder")
    try folder.write(#"{"pooling_mode_cls_token": true}"#, to: "embedder/1_Pooling/config.json")
    let embedder = try TextEmbedder(path, normalizes: false)
    #expect(embedder.pooling == .firstToken)
    let expected = try Fixture.expected()
    let texts = try Fixture.strings(expected["texts"])
    for (index, found) in try embedder(texts, batchSize: 3).enumerated() {
      #expect(isClose(found, try Fixture.floats(expected["embeddings"]?["first_token"]?[index])))
    }
  }

  @Test("a way of pooling that is not known is an error")
  func unknownPooling() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy("embedder")
    try folder.write(#"{"pooling_mode_max_tokens": true}"#, to: "embedder/1_Pooling/config.json")
    #expect(throws: CheckpointError.pooling(folder: path, found: ["pooling_mode_max_tokens"])) {
      try TextEmbedder(path)
    }
  }
}
