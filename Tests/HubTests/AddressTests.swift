import Hub
import Testing

@Suite("addresses")
struct AddressTests {
  static let redirects: [(base: String, reference: String, result: String)] = [
    ("https://a.test/x/y?q=1", "/z?k", "https://a.test/z?k"),
    ("https://a.test/x/y", "z", "https://a.test/x/z"),
    ("https://a.test/x/y/", "../z", "https://a.test/x/z"),
    ("https://a.test/x/y", "../../../z/.", "https://a.test/z/"),
    ("https://a.test/x", "?k=v", "https://a.test/x?k=v"),
    ("https://a.test/x", "//b.test/y", "https://b.test/y"),
    ("https://a.test/x", "http://b.test:8080/y#part", "http://b.test:8080/y"),
    ("https://a.test:443", "", "https://a.test/"),
    ("http://a.test:80/x", "/é b", "http://a.test/%C3%A9%20b"),
    ("http://[::1]:9/x", "y", "http://[::1]:9/y"),
    ("https://a.test/x", "/y?to=https://b.test/../z", "https://a.test/y?to=https://b.test/../z"),
  ]

  @Test("a redirect is seen from where it came", arguments: redirects)
  func resolves(base: String, reference: String, result: String) throws {
    #expect(try WebAddress(base).resolving(reference).text == result)
  }

  @Test(
    "what is no plain web address is refused",
    arguments: [
      "ftp://a.test/x", "file:///etc/passwd", "a.test/x", "https://", "https://me:secret@a.test/",
      "https://a b/",
      "https://a.test:0/", "https://a.test:99999/", "https://a.test/\r\nx: y", "javascript:alert(1)",
    ])
  func refuses(text: String) {
    #expect {
      try WebAddress(text)
    } throws: { error in
      error is HubError && !"\(error)".contains("secret")
    }
  }

  @Test("a redirect into another scheme is refused")
  func refusesSchemes() throws {
    #expect(throws: HubError.self) { try WebAddress("https://a.test/").resolving("file:///etc/passwd") }
  }

  @Test("a query, in which signatures stand, is for sending and not for showing")
  func hidesQuery() throws {
    let address = try WebAddress("https://cdn.test/blob?Signature=secret")
    #expect("\(address)" == "https://cdn.test/blob")
    #expect(address.text.hasSuffix("?Signature=secret"))
  }

  @Test("names are escaped as the hub wants them")
  func escapes() {
    #expect(WebAddress.escaped("refs/pr/1") == "refs%2Fpr%2F1")
    #expect(WebAddress.escaped("sub/a b+ü.json", keeping: "/") == "sub/a%20b%2B%C3%BC.json")
    #expect(WebAddress.escaped("a-b._~1") == "a-b._~1")
  }

  static let names: [(text: String, name: String, revision: String)] = [
    ("org/model", "org/model", "main"), ("bert-base-uncased", "bert-base-uncased", "main"),
    ("org/model@v1.0", "org/model", "v1.0"), ("org/model@refs/pr/3", "org/model", "refs/pr/3"),
  ]

  @Test("a model is a name and a revision", arguments: names)
  func references(text: String, name: String, revision: String) throws {
    let reference = try ModelReference(text)
    #expect(reference.name == name)
    #expect(reference.revision == revision)
  }

  @Test(
    "names and revisions that would lead elsewhere are refused",
    arguments: [
      "../x", "a/b/c", "a/b@../../x", "a/b@", "a/b@x..lock/.y", "a/b@x y", "a/b@x/", "a/b@.x", "a/b@x?y", "",
    ])
  func refusesNames(text: String) {
    #expect(throws: HubError.self) { try ModelReference(text) }
  }

  @Test("the next page is found among links")
  func nextPage() {
    #expect(
      HubClient.nextPage(#"<http://a/1>; rel="first", <http://a/2?x=y>; rel="next""#) == "http://a/2?x=y")
    #expect(HubClient.nextPage(#"<http://a/1>; rel="last""#) == nil)
    #expect(HubClient.nextPage(#"rel="next" ><"#) == nil)
  }

  @Test("a checksum is taken out of its quotation marks")
  func etags() {
    #expect(HubClient.plain(etag: #"W/"abc""#) == "abc")
    #expect(HubClient.plain(etag: "abc") == "abc")
  }
}
