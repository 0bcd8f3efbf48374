import Foundation
import ModelFiles
import Testing

@Suite("the report of a run")
struct ReportTests {
  @Test("is written into the folder of the run, and over nothing")
  func page() throws {
    let folder = try TemporaryFolder()
    try finetune(folder)
    let run = folder.path("out")
    let result = try ckpt("report", run, "--grid", "5")
    #expect(result.exitCode == 0)
    #expect(result.output.contains("of 23 test rows are right"))
    #expect(result.errors == "wrote \(run)/report.html\n")
    let page = try Data(contentsOf: folder.url("out/report.html"))
    #expect(page.starts(with: Data("<!doctype html>".utf8)))
    let again = try ckpt("report", run)
    #expect(again.exitCode == 2)
    #expect(
      again.errors
        == "error: \(run)/report.html: is there already; choose another name, or add --force to replace it\n")
    #expect(try ckpt("report", run, "--grid", "5", "--force").exitCode == 0)
    #expect(try Data(contentsOf: folder.url("out/report.html")) == page)
  }

  @Test("says what evaluate says")
  func numbers() throws {
    let folder = try TemporaryFolder()
    try finetune(folder)
    let run = folder.path("out")
    let report = try #require(
      ckpt("report", run, "--json", "--svg", folder.path("svg"), "--probe", "1 2", "--grid", "0").json().first
    )
    let evaluated = try #require(
      ckpt("evaluate", run, "--dataset", "iris", "--split", "test", "--json").json().first)
    for key in ["examples", "labels", "accuracy", "macro", "per_class", "confusion_matrix"] {
      #expect(report["test"]?[key] == evaluated[key], "\(key)")
    }
    #expect(report["probes"]?["groups"]?[0]?["answers"]?[0]?["text"]?.stringValue == "1 2")
    #expect(report["description"]?["data"]?["parts"]?[0]?["class_counts"] == [35, 35, 35])
    #expect(try folder.names("out").contains("report.html") == false)
    #expect(try folder.names("svg").contains("loss.svg"))
  }

  @Test("is not made of a folder without a run")
  func noRun() throws {
    let result = try ckpt("report", "classifier")
    #expect(result.exitCode == 2)
    #expect(result.errors.hasPrefix("error: classifier: no run to report on"))
  }

  private func finetune(_ folder: TemporaryFolder) throws {
    try #require(
      ckpt(
        "finetune", "--base", "embedder", "--dataset", "iris", "--epochs", "2", "--out", folder.path("out")
      )
      .exitCode == 0)
  }
}
