import Pretrained

#if Hub
  import Hub
  import ModelFiles
#endif

/// Where a MODEL argument is: here, in the Hugging Face cache, or on the hub, from where it is fetched.
enum ModelSource {
  /// What of a model is needed.
  enum Need { case weights, tokenizer }

  /// A path that can be opened. What is here always comes first; a name without an owner is never fetched.
  ///
  /// - Parameters:
  ///   - argument: as it was given.
  ///   - need: what the command reads.
  /// - Throws: `HubError`, ``ModelSourceError``.
  static func path(_ argument: String, needing need: Need = .weights) throws -> String {
    #if Hub
      guard let reference = try reference(argument, needing: need) else { return argument }
      if let there = cached(reference, need) { return there }
      let environment = HubEnvironment()
      try requireNetwork(for: reference, environment)
      Terminal.complain("\(argument) is not here: pulling it from \(environment.endpoint)")
      let meter = HubMeter("pulling")
      defer { meter.clear() }
      return try onHub(argument) {
        try HubClient(environment, report: meter.show)
          .pull(reference, selecting: need == .tokenizer ? .tokenizer : .model).folder
      }
    #else
      return argument
    #endif
  }
}

#if Hub
  extension ModelSource {
    /// The model on the hub that an argument means when it is neither a path nor whole in the cache; nil for anything
    /// else, which opens as it is or gives the usual error.
    static func reference(_ argument: String, needing need: Need = .weights) throws -> ModelReference? {
      if FileSystem.exists(argument) || FileSystem.exists(argument + ".index") { return nil }
      guard let reference = try? ModelReference(argument), let owner = reference.owner,
        !fileEndings.contains(where: argument.hasSuffix)
      else { return nil }
      if cached(reference, need) != nil { return reference }
      // In a folder that is here, it is a path that was mistyped.
      return FileSystem.isDirectory(owner) ? nil : reference
    }

    /// The folder of a model that needs no fetching.
    static func cached(_ reference: ModelReference, _ need: Need) -> String? {
      if let folder = HubClient.cached(reference) { return folder }
      guard reference.revision == "main",
        let folder = HubCache.repository(reference.name, in: HubCache.folder()).flatMap({
          try? ModelFolder(path: $0)
        })
      else { return nil }
      let isEnough = need == .tokenizer ? ["tokenizer.json", "vocab.txt"] : ["model.gguf"]
      return isEnough.contains { folder.file($0) != nil } ? folder.path : nil
    }

    private static func requireNetwork(for reference: ModelReference, _ environment: HubEnvironment) throws {
      guard let variable = environment.offlineVariable else { return }
      throw HubError.offline(name: reference.name, variable: variable, cache: environment.cache)
    }

    /// Reads a model's headers on the hub when nothing of it is here; nil when the argument is no name on the hub.
    static func headers(_ argument: String) throws -> RemoteHeaders? {
      guard let reference = try reference(argument), cached(reference, .weights) == nil else { return nil }
      try requireNetwork(for: reference, HubEnvironment())
      let meter = HubMeter("reading headers")
      defer { meter.clear() }
      return try onHub(argument) { try HubClient(report: meter.show).headers(of: reference) }
    }

    /// Says of a name that the hub does not know that it is no path either.
    private static func onHub<Result: ~Copyable>(_ argument: String, _ body: () throws -> Result) throws
      -> Result
    {
      do { return try body() } catch let error as HubError {
        if case .repositoryNotFound = error { throw ModelSourceError.neither(argument, error) }
        throw error
      }
    }

    /// What names of files end with, and names of models hardly ever.
    private static let fileEndings = [
      ".safetensors", ".bin", ".gguf", ".npz", ".npy", ".ckpt", ".onnx", ".json", ".zip", ".pt", ".pth",
      ".h5", ".txt",
      ".csv",
    ]
  }

  enum ModelSourceError: Error, CustomStringConvertible {
    /// The argument is neither a path nor a model on the hub.
    case neither(String, HubError)

    var description: String {
      switch self {
      case .neither(let argument, let error): "\(argument): no such file or folder, and \(error)"
      }
    }
  }
#endif
