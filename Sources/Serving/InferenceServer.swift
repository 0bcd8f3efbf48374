#if Serving
  import FlyingSocks
  import Synchronization

  /// Serves one model over HTTP, as `huggingface_hub.InferenceClient` and text-embeddings-inference's clients ask for it.
  ///
  /// ```swift
  /// let server = try InferenceServer(ServedModel("bert-iris"))
  /// let url = try server.start()  // http://127.0.0.1:8080
  /// // …
  /// await server.stop()
  /// ```
  public final class InferenceServer: Sendable {
    /// Where a server listens, and how much it takes.
    public struct Configuration: Sendable {
      /// An address of this machine in numbers, or `localhost`.
      public var host = "127.0.0.1"
      /// 0 takes one that is free.
      public var port: UInt16 = 8080
      /// What clients must send; nil: nothing.
      public var token: BearerToken?
      /// Whether other machines may connect without a token, or ask for other hosts than this machine on loopback.
      public var allowsUnprotected = false
      /// Told when the server has ended by itself, which it does when the system no longer tells what has come; it is to
      /// be stopped all the same.
      public var onFailure: @Sendable (ServingError) -> Void = { _ in }

      /// Tokens computed at once. More are computed hardly faster a token, and whoever comes meanwhile waits for all of them.
      public var maxBatchTokens = 1024
      /// Texts computed at once.
      public var maxBatchTexts = 64
      /// Texts that may wait.
      public var maxQueuedTexts = 1024
      /// Tokens that may wait.
      public var maxQueuedTokens = 131_072
      /// Texts of one request.
      public var maxTexts = 256
      /// Tokens of a text, special tokens included; nil: as many as the model takes.
      public var maxLength: Int?
      /// Whether longer texts are cut when the request does not say; else they are refused.
      public var truncates = false

      /// Bytes of a request's body.
      public var maxBodyBytes = 2_000_000
      /// Bytes of all bodies that are read or answered, and of all answers that are being taken, at one time.
      public var maxBodyBytesTogether = 64_000_000
      /// Connections that are open at one time.
      public var maxConnections = 512
      /// Between two requests on a connection.
      public var idleTimeout = Duration.seconds(60)
      /// For the first line and the fields of a request.
      public var headTimeout = Duration.seconds(10)
      /// For the body of a request.
      public var bodyTimeout = Duration.seconds(30)
      /// From a whole request to its answer.
      public var answerTimeout = Duration.seconds(60)
      /// For taking an answer.
      public var writeTimeout = Duration.seconds(30)

      public init() {}

      /// - Throws: ``ServingError``
      package func check() throws(ServingError) {
        let limits = [
          ("maxBatchTokens", maxBatchTokens), ("maxBatchTexts", maxBatchTexts),
          ("maxQueuedTexts", maxQueuedTexts),
          ("maxQueuedTokens", maxQueuedTokens), ("maxTexts", maxTexts), ("maxBodyBytes", maxBodyBytes),
          ("maxConnections", maxConnections),
        ]
        for (name, value) in limits where value < 1 { throw .badLimit(name: name, value: value, least: 1) }
        if let maxLength, maxLength < 3 { throw .badLimit(name: "maxLength", value: maxLength, least: 3) }
        guard maxBodyBytesTogether >= maxBodyBytes else {
          throw .badLimit(name: "maxBodyBytesTogether", value: maxBodyBytesTogether, least: maxBodyBytes)
        }
        let address = try ListeningAddress(host: host)
        guard address.isLoopback || token != nil || allowsUnprotected else { throw .unprotected(host: host) }
      }
    }

    private struct Running {
      var tasks: [Task<Void, Never>] = []
      var listener: Task<Void, Never>?
      var hasStarted = false
    }

    public let configuration: Configuration
    private let address: ListeningAddress
    private let connections: Connections
    private let batcher: Batcher
    private let service: InferenceService
    private let metrics = Metrics()
    private let running = Mutex(Running())

    /// Prepares a server; ``start()`` makes it listen.
    ///
    /// - Throws: ``ServingError`` when the configuration cannot be.
    public convenience init(
      _ model: ServedModel, configuration: Configuration = Configuration()
    ) throws(ServingError) {
      try self.init(model, configuration: configuration, compute: model.rows)
    }

    /// Prepares a server whose results are computed by `compute` rather than the model itself.
    ///
    /// - Throws: ``ServingError`` when the configuration cannot be.
    package init(
      _ model: ServedModel, configuration: Configuration, compute: @escaping Batcher.Compute
    ) throws(ServingError) {
      try configuration.check()
      self.configuration = configuration
      address = try ListeningAddress(host: configuration.host)
      let queued = max(configuration.maxQueuedTexts, configuration.maxTexts)
      batcher = try Batcher(
        limits: .init(
          batch: .init(
            batchTokens: configuration.maxBatchTokens, batchSequences: configuration.maxBatchTexts),
          queuedSequences: queued, queuedTokens: configuration.maxQueuedTokens),
        metrics: metrics, compute: compute)
      var timeouts = Timeouts()
      timeouts.idle = configuration.idleTimeout
      timeouts.head = configuration.headTimeout
      timeouts.body = configuration.bodyTimeout
      timeouts.answer = configuration.answerTimeout
      timeouts.writing = configuration.writeTimeout
      connections = Connections(
        limits: .init(
          connections: configuration.maxConnections, bodyBytes: configuration.maxBodyBytesTogether,
          timeouts: timeouts))
      let length = min(model.maxLength, configuration.maxLength ?? .max)
      service = InferenceService(
        model: model, configuration: configuration, address: address,
        decoder: InferenceDecoder(
          model: model,
          limits: .init(texts: configuration.maxTexts, length: length, truncates: configuration.truncates)),
        batcher: batcher, connections: connections, metrics: metrics)
    }

    /// Begins to listen; what comes is answered on threads of the standard library's, the model computes on its own.
    ///
    /// May be called once.
    ///
    /// - Returns: the URL, with the port that was taken.
    /// - Throws: ``ServingError/cannotListen(host:port:reason:)``, ``ServingError/noEvents(reason:)``
    @discardableResult
    public func start() throws(ServingError) -> String {
      let isFirst = running.withLock { running in
        defer { running.hasStarted = true }
        return !running.hasStarted
      }
      precondition(isFirst, "a server is started once")
      let (socket, port) = try address.listen(port: configuration.port)
      let pool: any AsyncSocketPool
      do { pool = try EventPool.open() } catch {
        try? socket.close()
        throw .noEvents(reason: ServingError.reason(error))
      }
      let (connections, service, metrics) = (connections, service, metrics)
      let limits = HTTPLimits(body: configuration.maxBodyBytes)
      let listener = Listener(
        socket: socket, pool: pool,
        accept: { socket in
          connections.admit { id in
            Task {
              var connection = Connection(
                id: id, socket: socket, pool: pool, connections: connections, service: service,
                limits: limits,
                metrics: metrics)
              await connection.run()
            }
          }
        }, metrics: metrics)
      let sweeping = Task {
        while !Task.isCancelled {
          connections.sweep()
          try? await Task.sleep(for: connections.sweepInterval)
        }
      }
      let onFailure = configuration.onFailure
      running.withLock { running in
        let polling = Task { [weak self] in
          do {
            try await pool.prepare()
            try await pool.run()
          } catch {
            guard !Task.isCancelled else { return }  // at the end
            // Connections would be taken, and never heard.
            connections.drain()
            connections.cancelAll()
            self?.running.withLock { $0.listener?.cancel() }
            onFailure(.noEvents(reason: ServingError.reason(error)))
          }
        }
        running.tasks = [polling, sweeping]
        running.listener = Task { await listener.run() }
      }
      return "http://\(address.urlHost):\(port)"
    }

    /// Stops: takes no further connection, answers what has been asked, then ends.
    ///
    /// - Parameter limit: after which those that still wait are let go unanswered.
    public func stop(within limit: Duration = .seconds(30)) async {
      let (listener, tasks) = running.withLock { running in
        defer { running = Running(hasStarted: true) }
        return (running.listener, running.tasks)
      }
      connections.drain()
      listener?.cancel()
      await listener?.value
      let end = ContinuousClock.now + limit
      while connections.count > 0 && ContinuousClock.now < end {
        try? await Task.sleep(for: .milliseconds(5))
      }
      batcher.cancelAll()
      connections.cancelAll()
      while connections.count > 0 && ContinuousClock.now < end + .seconds(1) {
        try? await Task.sleep(for: .milliseconds(5))
      }
      if listener != nil { batcher.drain() }
      for task in tasks {
        task.cancel()
        await task.value
      }
    }
  }
#endif
