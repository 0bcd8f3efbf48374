#if Serving
  import ArgumentParser
  import Dispatch
  import ModelFiles
  import Pretrained
  import Serving
  import Synchronization

  #if canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #else
    import Glibc
  #endif

  struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "serve",
      abstract: "Answer requests over HTTP, as the Inference API does.",
      discussion: """
        POST / takes {"inputs": "a text", "parameters": {…}}, as huggingface_hub.InferenceClient("http://127.0.0.1:8080") \
        sends it; /predict, /embed and /similarity are those of text-embeddings-inference. GET /health, /metrics, /info \
        and /openapi.json tell of the server.

        Texts of requests that come at the same time are computed together, which changes scores by less than 1e-6. \
        Only this machine can connect unless --host says otherwise; other machines then need a token, which is read \
        from --token-file or the variable CKPT_SERVE_TOKEN. Ctrl-C or SIGTERM answers what has been asked, then ends.
        """)

    @Argument(help: "The model.")
    var model: String

    @Option(
      help: ArgumentHelp("Where to listen; 0 takes a port that is free, and prints it.", valueName: "n"))
    var port: UInt16 = 8080

    @Option(
      help: ArgumentHelp(
        "An address of this machine, in numbers; 0.0.0.0 is all of them.", valueName: "address"))
    var host = "127.0.0.1"

    @Option(
      help: ArgumentHelp(
        "text-classification, feature-extraction or fill-mask; by default what the model's head is for.",
        valueName: "task"), transform: Self.task)
    var task: InferenceTask?

    @OptionGroup var compute: ComputeOptions

    @Option(help: ArgumentHelp(WeightsForm.help, valueName: "form"))
    var weights = WeightsForm.packed

    @OptionGroup(title: "Limits") var limits: ServeLimits
    @OptionGroup(title: "Access") var access: ServeAccess

    @Flag(help: "Print one JSON object when ready, rather than a line for people.")
    var json = false

    func run() throws {
      var configuration = try serverConfiguration()
      try configuration.check()  // before a large model is read for nothing
      let (ending, failure) = (Termination(), Failure())
      configuration.onFailure = { error in
        failure.error.withLock { $0 = error }
        kill(getpid(), SIGTERM)
      }
      let model = try ServedModel(
        model, task: task, threads: compute.threads, linearWeights: weights.linearWeights)
      let server = try InferenceServer(model, configuration: configuration)
      let url = try server.start()
      if json {
        let object: JSONValue = [
          "url": .string(url), "model": .string(model.name), "task": .string(model.task.rawValue),
          "max_input_length": .number(min(model.maxLength, configuration.maxLength ?? .max)),
        ]
        try Terminal.print(object.line)
      } else {
        try Terminal.print("serving \(model.name) (\(model.task.rawValue)) on \(url)")
      }
      ending.wait()
      Terminal.complain("answering what has been asked; once more ends at once")
      let limit = Duration.seconds(limits.shutdownTimeout)
      let done = DispatchSemaphore(value: 0)
      Task {
        await server.stop(within: limit)
        done.signal()
      }
      done.wait()
      if let error = failure.error.withLock({ $0 }) { throw error }
    }

    private static func task(_ name: String) throws -> InferenceTask {
      guard let task = InferenceTask(rawValue: name) else {
        let names = InferenceTask.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("'\(name)' is no task; choose one of \(names)")
      }
      return task
    }

    private func serverConfiguration() throws -> InferenceServer.Configuration {
      var configuration = InferenceServer.Configuration()
      (configuration.host, configuration.port) = (host, port)
      configuration.token = try access.token()
      configuration.allowsUnprotected = access.allowWithoutToken
      limits.apply(to: &configuration)
      return configuration
    }
  }

  /// How much a server takes.
  struct ServeLimits: ParsableArguments {
    @Option(help: ArgumentHelp("Tokens computed at once.", valueName: "n"))
    var maxBatchTokens = 1024

    @Option(help: ArgumentHelp("Texts that may wait; more are answered 429.", valueName: "n"))
    var maxQueue = 1024

    @Option(help: ArgumentHelp("Texts of one request; more are answered 413.", valueName: "n"))
    var maxTexts = 256

    @Option(help: ArgumentHelp("Tokens of a text; all that the model takes unless given.", valueName: "n"))
    var maxLength: Int?

    @Flag(help: "Cut longer texts rather than answer 413, unless a request says otherwise.")
    var truncate = false

    @Option(help: ArgumentHelp("Bytes of a request's body; more are answered 413.", valueName: "n"))
    var maxBody = 2_000_000

    @Option(help: ArgumentHelp("Connections that are open at one time.", valueName: "n"))
    var maxConnections = 512

    @Option(
      help: ArgumentHelp(
        "A request must arrive, and be answered, within so many seconds each.", valueName: "seconds"))
    var requestTimeout = 30

    @Option(help: ArgumentHelp("A connection may rest for so many seconds.", valueName: "seconds"))
    var idleTimeout = 60

    @Option(
      help: ArgumentHelp(
        "At the end, what has been asked is answered within so many seconds.", valueName: "seconds"))
    var shutdownTimeout = 30

    func validate() throws {
      let values = [
        ("--max-batch-tokens", maxBatchTokens), ("--max-queue", maxQueue), ("--max-texts", maxTexts),
        ("--max-body", maxBody), ("--max-connections", maxConnections), ("--request-timeout", requestTimeout),
        ("--idle-timeout", idleTimeout), ("--shutdown-timeout", shutdownTimeout),
      ]
      for (name, value) in values where value < 1 {
        throw ValidationError("\(name) is \(value); give at least 1")
      }
      if let maxLength, maxLength < 3 {
        throw ValidationError(
          "--max-length is \(maxLength); give at least 3, for a token between two special ones")
      }
    }

    func apply(to configuration: inout InferenceServer.Configuration) {
      configuration.maxBatchTokens = maxBatchTokens
      configuration.maxQueuedTexts = maxQueue
      configuration.maxTexts = maxTexts
      configuration.maxLength = maxLength
      configuration.truncates = truncate
      configuration.maxBodyBytes = maxBody
      configuration.maxBodyBytesTogether = max(maxBody, configuration.maxBodyBytesTogether)
      configuration.maxConnections = maxConnections
      configuration.headTimeout = .seconds(min(10, requestTimeout))
      configuration.bodyTimeout = .seconds(requestTimeout)
      configuration.answerTimeout = .seconds(requestTimeout)
      configuration.writeTimeout = .seconds(requestTimeout)
      configuration.idleTimeout = .seconds(idleTimeout)
    }
  }

  /// Who may ask a server.
  struct ServeAccess: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "A file with the token that clients must send; else the variable CKPT_SERVE_TOKEN, else none.",
        valueName: "file"))
    var tokenFile: String?

    @Flag(help: "Let other machines connect, and requests name other hosts, without a token.")
    var allowWithoutToken = false

    /// The token, never given as an argument, where every user of the machine could read it.
    func token() throws -> BearerToken? {
      if let tokenFile {
        return try BearerToken(String(decoding: FileSystem.read(tokenFile, limit: 4096), as: UTF8.self))
      }
      guard let variable = getenv("CKPT_SERVE_TOKEN"), variable.pointee != 0 else { return nil }
      return try BearerToken(String(cString: variable))
    }
  }

  /// Why a server has ended by itself.
  private final class Failure: Sendable { let error = Mutex<ServingError?>(nil) }

  /// Waits for SIGINT or SIGTERM, which from its making on no longer end the process; after the first they do again.
  struct Termination {
    private let signals: sigset_t

    init() {
      var signals = sigset_t()
      sigemptyset(&signals)
      sigaddset(&signals, SIGINT)
      sigaddset(&signals, SIGTERM)
      // Threads that are made later block what this one blocks, so that nobody but `wait` gets them.
      pthread_sigmask(SIG_BLOCK, &signals, nil)
      self.signals = signals
    }

    func wait() {
      var signals = signals
      var found: Int32 = 0
      sigwait(&signals, &found)
      // Whoever started this process may have had them ignored.
      signal(SIGINT, SIG_DFL)
      signal(SIGTERM, SIG_DFL)
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }
  }
#endif
