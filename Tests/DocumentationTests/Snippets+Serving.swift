// Regions are laid out as in the documents.
// swift-format-ignore-file
#if Serving
import Pretrained
import Serving

// Compiled, never run: the files it names are not there.

private func serving() throws {
  // Serving.md 1
  let server = try InferenceServer(ServedModel("bert-iris"))
  print("serving on \(try server.start())")  // http://127.0.0.1:8080
  // end
}
#endif
