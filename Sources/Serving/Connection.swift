#if Serving
  import FlyingSocks

  #if canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #else
    import Glibc
  #endif

  /// What answers requests.
  protocol HTTPService: Sendable {
    /// The name under which a request is counted.
    func route(of head: HTTPRequestHead) -> String

    /// The answer to a request that need not be read further: one without a body, or one that is refused.
    func answer(_ head: HTTPRequestHead) -> HTTPResponse?

    /// The answer to a request that was read.
    ///
    /// - Parameters:
    ///   - head: for which ``answer(_:)`` had no answer.
    ///   - body: whole.
    ///   - isAbandoned: whether the client has gone.
    /// - Throws: `CancellationError` when the task was cancelled, or the client has gone.
    func answer(
      _ head: HTTPRequestHead, body: [UInt8], isAbandoned: @escaping @Sendable () -> Bool
    ) async throws -> HTTPResponse
  }

  /// One connection: requests in, answers out, one after another; a client that sends several at once gets the answers
  /// in order.
  struct Connection {
    private let id: Connections.ID
    private let socket: Socket
    private let pool: any AsyncSocketPool
    private let connections: Connections
    private let service: any HTTPService
    private let limits: HTTPLimits
    private let metrics: Metrics
    private var parser: HTTPRequestParser
    private var buffer = [UInt8](repeating: 0, count: 16 << 10)

    init(
      id: Connections.ID, socket: Socket, pool: any AsyncSocketPool, connections: Connections,
      service: any HTTPService, limits: HTTPLimits, metrics: Metrics
    ) {
      (self.id, self.socket, self.pool, self.connections) = (id, socket, pool, connections)
      (self.service, self.limits, self.metrics) = (service, limits, metrics)
      parser = HTTPRequestParser(limits: limits)
    }

    /// Serves the connection until one side ends it; closes it.
    mutating func run() async {
      do {
        while try await exchange() {}
      } catch let fault as HTTPFault {
        metrics.rejected(fault.isAboutSize ? .tooLarge : .malformed)
        await refuse(.error(fault.status, "Validation", "\(fault)"), route: "other", since: .now)
      } catch is CancellationError {
        await explainCancellation()
      } catch {
        // The client has gone.
      }
      close(socket.file.rawValue)
      connections.leave(id)
    }

    /// A request and its answer.
    ///
    /// - Returns: whether another request may follow.
    private mutating func exchange() async throws -> Bool {
      guard let head = try await head() else { return false }
      let start = ContinuousClock.now
      let route = service.route(of: head)
      if let response = service.answer(head) {
        guard head.framing == .length(0) else {
          await refuse(response, route: route, since: start)
          return false
        }
        _ = try parser.next()  // its body, which is empty
        return try await send(response, to: head, route: route, since: start)
      }
      guard connections.reserve(id, bytes: bodyLimit(head)) else {
        metrics.rejected(.memory)
        let response = HTTPResponse.error(
          .unavailable, "Overloaded", "too many bodies are being read at once; try again in a second")
        await refuse(response.adding("retry-after", "1"), route: route, since: start)
        return false
      }
      defer { connections.release(id) }
      connections.enter(id, .body)
      guard let body = try await body(head) else { return false }
      connections.enter(id, .answering)
      let socket = socket
      var response: HTTPResponse
      do {
        response = try await service.answer(head, body: body) { socket.hasEnded }
      } catch let error as CancellationError {
        guard connections.hasExpired(id) else {
          metrics.abandoned()
          throw error
        }
        metrics.rejected(.tooSlow)
        response = HTTPResponse.error(
          .unavailable, "Timeout", "the answer took too long; send less at once, or try again later"
        ).adding("retry-after", "5")
      }
      // Until the client has taken it all.
      if !connections.reserve(id, answerBytes: response.body.count) {
        metrics.rejected(.memory)
        response = HTTPResponse.error(
          .unavailable, "Overloaded", "too many answers are being taken at once; try again in a second"
        ).adding("retry-after", "1")
      }
      return try await send(response, to: head, route: route, since: start)
    }

    /// How long the body may be.
    private func bodyLimit(_ head: HTTPRequestHead) -> Int {
      if case .length(let count) = head.framing { count } else { limits.body }
    }

    private mutating func head() async throws -> HTTPRequestHead? {
      // A connection that has just been made is to speak soon; one that has spoken may rest.
      var isSilent = !parser.isWithinRequest
      if connections.phase(of: id) != .connected {
        guard connections.enter(id, isSilent ? .idle : .head) else { return nil }
      }
      while true {
        if case .head(let head) = try parser.next() { return head }
        let count = try await receive()
        guard count > 0 else { return nil }
        if isSilent {
          isSilent = false
          connections.enter(id, .head)
        }
        parser.append(buffer[..<count])
      }
    }

    private mutating func body(_ head: HTTPRequestHead) async throws -> [UInt8]? {
      var waits = head.expectsContinue && head.framing != .length(0)
      while true {
        if case .body(let body) = try parser.next() { return body }
        if waits && !parser.hasUnusedBytes {
          try await write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        waits = false
        let count = try await receive()
        guard count > 0 else { return nil }
        parser.append(buffer[..<count])
      }
    }

    private func send(
      _ response: HTTPResponse, to head: HTTPRequestHead, route: String, since start: ContinuousClock.Instant
    ) async throws -> Bool {
      let closes = !head.keepsAlive || connections.isDraining || Task.isCancelled
      metrics.answered(route, status: response.status.code, in: start.duration(to: .now))
      connections.enter(id, .writing)
      try await write(response, closes: closes, includesBody: head.method != "HEAD")
      return !closes
    }

    /// Answers without reading on, and closes so that the client gets to see the answer: a socket that is closed with
    /// unread bytes resets the connection, so some more are read and dropped.
    private mutating func refuse(
      _ response: HTTPResponse, route: String, since start: ContinuousClock.Instant
    ) async {
      metrics.answered(route, status: response.status.code, in: start.duration(to: .now))
      connections.enter(id, .writing)
      do {
        try await write(response, closes: true)
        shutdown(socket.file.rawValue, Int32(SHUT_WR))
        connections.enter(id, .lingering)
        var dropped = 0
        while dropped < 16 << 20 {
          let count = try await receive()
          guard count > 0 else { return }
          dropped += count
          await Task.yield()
        }
      } catch {
        // The client has gone, or takes too long to go.
      }
    }

    /// A client that took too long over its request is told so, if it still listens.
    private mutating func explainCancellation() async {
      guard connections.hasExpired(id), let phase = connections.phase(of: id),
        phase == .connected || phase == .head || phase == .body
      else {
        return
      }
      metrics.rejected(.tooSlow)
      metrics.answered("other", status: HTTPStatus.requestTimeout.code, in: .zero)
      let response = HTTPResponse.error(
        .requestTimeout, "Timeout", "the request took too long to arrive; send it without pauses")
      try? await write(response, closes: true)
      shutdown(socket.file.rawValue, Int32(SHUT_WR))
    }

    // MARK: Bytes

    /// Fills the buffer with what has come; 0 when the client sends no more.
    private mutating func receive() async throws -> Int {
      while true {
        try Task.checkCancellation()
        let descriptor = socket.file.rawValue
        let (count, code) = buffer.withUnsafeMutableBytes { bytes in
          let count = recv(descriptor, bytes.baseAddress, bytes.count, 0)
          return (count, count < 0 ? errno : 0)
        }
        if count >= 0 { return count }
        if code == EINTR { continue }
        guard code == EAGAIN || code == EWOULDBLOCK else { throw SocketError.disconnected }
        try await pool.suspendSocket(socket, untilReadyFor: .read)
      }
    }

    /// Sends a small answer in one piece, so that no packet of it waits for another's receipt, and a large one's head
    /// before its body, which is not copied for it.
    private func write(_ response: HTTPResponse, closes: Bool, includesBody: Bool = true) async throws {
      let date = Int(time(nil))
      guard includesBody, response.body.count > 16 << 10 else {
        return try await write(response.bytes(closes: closes, includesBody: includesBody, date: date))
      }
      try await write(response.head(closes: closes, date: date))
      try await write(response.body)
    }

    private func write(_ bytes: [UInt8]) async throws {
      var sent = 0
      while sent < bytes.count {
        let (count, code) = bytes.withUnsafeBytes { bytes in
          let count = systemSend(
            socket.file.rawValue, bytes.baseAddress.map { $0 + sent }, bytes.count - sent)
          return (count, count < 0 ? errno : 0)
        }
        if count >= 0 {
          sent += count
        } else if code == EAGAIN || code == EWOULDBLOCK {
          try await pool.suspendSocket(socket, untilReadyFor: .write)
        } else if code != EINTR {
          throw SocketError.disconnected
        }
      }
    }
  }

  /// Sends without the signal that a closed connection would raise; on Darwin the socket has an option for that.
  func systemSend(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Darwin)
      send(descriptor, start, count, 0)
    #else
      send(descriptor, start, count, Int32(MSG_NOSIGNAL))
    #endif
  }

  extension Socket {
    /// Whether the other side has closed the connection, or will send nothing more: nobody waits for an answer.
    var hasEnded: Bool {
      var byte: UInt8 = 0
      let count = recv(file.rawValue, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
      if count < 0 { return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR }
      return count == 0
    }
  }

  extension HTTPFault {
    /// Whether the request is too large, rather than wrong.
    var isAboutSize: Bool {
      switch self {
      case .targetTooLong, .headTooLarge, .tooManyFields, .bodyTooLarge: true
      case .malformed, .version, .method, .transferCoding, .expectation: false
      }
    }
  }
#endif
