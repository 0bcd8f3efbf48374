// Regions are laid out as in the documents.
// swift-format-ignore-file
import Hub

// Compiled, never run: it would ask the hub.

private func pullingAndPushing() throws {
  // Hub.md 1
  let hub = try HubClient { event in print(event) }
  let snapshot = try hub.pull(ModelReference("google-bert/bert-base-uncased"))
  print(snapshot.folder, snapshot.downloadedByteCount)

  let plan = try hub.planPush("bert-iris", to: ModelReference("me/bert-iris"))
  for file in plan.files where !file.isThere { print(file.name, file.byteCount) }
  print(try hub.push(plan).address)
  // end
}
