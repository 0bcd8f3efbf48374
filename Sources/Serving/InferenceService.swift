#if Serving
  import ModelFiles

  /// The routes of a server.
  struct InferenceService: HTTPService {
    let model: ServedModel
    let configuration: InferenceServer.Configuration
    let address: ListeningAddress
    let decoder: InferenceDecoder
    let batcher: Batcher
    let connections: Connections
    let metrics: Metrics

    /// The paths there are, with what may be done there.
    private var routes: [String: Method] {
      var routes: [String: Method] = [
        "/": .both, "/info": .get, "/health": .get, "/metrics": .get, "/openapi.json": .get,
      ]
      switch model.task {
      case .textClassification: routes["/predict"] = .post
      case .featureExtraction: (routes["/embed"], routes["/similarity"]) = (.post, .post)
      case .fillMask: break
      }
      return routes
    }

    private enum Method {
      case get, post, both

      var allowed: String {
        switch self {
        case .get: "GET, HEAD"
        case .post: "POST"
        case .both: "GET, HEAD, POST"
        }
      }

      func allows(_ method: String) -> Bool {
        switch method {
        case "GET", "HEAD": self != .post
        case "POST": self != .get
        default: false
        }
      }
    }

    func route(of head: HTTPRequestHead) -> String { routes[head.path] == nil ? "other" : head.path }

    func answer(_ head: HTTPRequestHead) -> HTTPResponse? {
      // A web page whose name leads to this machine could ask, and read the answers, as if the server were its own.
      // Programs that know HTTP/1.0 only may send no name; browsers always do.
      if configuration.token == nil, address.isLoopback, !configuration.allowsUnprotected,
        let host = head[field: "host"], !address.isNamed(by: host)
      {
        return .error(
          .misdirected, "Validation",
          "this server is for its own machine only, not for the host '\(host.prefix(64))'; ask localhost, or give the "
            + "server a token")
      }
      // Whether the server lives is no secret, and whoever asks may not know any.
      if let token = configuration.token, head.path != "/health",
        !token.isCarried(by: head[field: "authorization"])
      {
        metrics.rejected(.unauthorized)
        return .error(
          .unauthorized, "Unauthorized", "send the token of this server as Authorization: Bearer …"
        )
        .adding("www-authenticate", "Bearer")
      }
      guard let method = routes[head.path] else {
        return .error(
          .notFound, "NotFound",
          "there is nothing at this path; there is \(routes.keys.sorted().joined(separator: ", "))")
      }
      guard method.allows(head.method) else {
        return .error(.methodNotAllowed, "MethodNotAllowed", "use \(method.allowed) here")
          .adding("allow", method.allowed)
      }
      guard head.method == "POST" else { return answerToGet(head.path) }
      if connections.isDraining { return Self.refused(.draining) }
      // A web page can send other types to this machine without asking, or none; with this one, browsers ask first.
      let types = head.fields.filter { $0.name == "content-type" }.map(\.value)
      guard types.count == 1 ? Self.isJSON(types[0]) : types.isEmpty && head.framing == .length(0) else {
        return .error(.unsupportedMediaType, "Validation", "send JSON, with content-type: application/json")
      }
      return nil
    }

    private static func isJSON(_ type: String) -> Bool {
      type.split(separator: ";", maxSplits: 1).first?.trimmingSpaces().lowercased() == "application/json"
    }

    private func answerToGet(_ path: String) -> HTTPResponse {
      switch path {
      case "/health":
        return connections.isDraining
          ? Self.refused(.draining) : HTTPResponse(.ok, json: ["status": "ok"])
      case "/metrics":
        var gauges = Metrics.Gauges()
        (gauges.task, gauges.model) = (model.task.rawValue, model.name)
        (gauges.queuedSequences, gauges.queuedTokens) = batcher.depth
        gauges.connections = connections.count
        return HTTPResponse(
          .ok, contentType: "text/plain; version=0.0.4; charset=utf-8", body: Array(metrics.text(gauges).utf8)
        )
      case "/openapi.json": return HTTPResponse(.ok, body: Array(openAPI.utf8))
      default:
        return HTTPResponse(
          .ok,
          json: [
            "model_id": .string(model.name), "task": .string(model.task.rawValue),
            "max_input_length": .number(decoder.limits.length),
            "max_batch_tokens": .number(configuration.maxBatchTokens),
            "max_client_batch_size": .number(configuration.maxTexts),
            "max_body_bytes": .number(configuration.maxBodyBytes),
            "paths": .strings(routes.keys.sorted()),
          ])
      }
    }

    private var openAPI: String {
      OpenAPIDescription(
        model: model.name, task: model.task, limits: decoder.limits, hasToken: configuration.token != nil
      ).json
    }

    func answer(
      _ head: HTTPRequestHead, body: [UInt8], isAbandoned: @escaping @Sendable () -> Bool
    ) async throws -> HTTPResponse {
      let inference: Inference
      do {
        let document = try JSONValue(parsing: body)
        inference =
          try head.path == "/"
          ? decoder.inference(document) : decoder.inference(document, path: head.path)
      } catch let error as JSONError {
        metrics.rejected(.malformed)
        return .error(
          .badRequest, "Validation",
          "the body is not JSON: line \(error.line), column \(error.column): \(error.fault)")
      } catch let error as RequestError {
        if error.status == .contentTooLarge { metrics.rejected(.tooLong) }
        return .error(error.status, "Validation", error.message)
      }
      do {
        let rows = try await batcher.results(of: inference.sequences, isAbandoned: isAbandoned)
        guard rows.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
          return .error(
            .internalError, "Backend",
            "the model gives numbers that are not finite; check it with ckpt verify")
        }
        return HTTPResponse(.ok, body: inference.answer(rows))
      } catch let refusal as Refusal {
        metrics.rejected(refusal == .draining ? .draining : .queueFull)
        return Self.refused(refusal)
      } catch let error as CancellationError {
        throw error
      } catch {
        return .error(.internalError, "Backend", "the model could not compute this: \(error)")
      }
    }

    private static func refused(_ refusal: Refusal) -> HTTPResponse {
      switch refusal {
      case .draining:
        return .error(.unavailable, "Draining", "the server is stopping; ask another, or try again later")
          .adding("retry-after", "5")
      case .full(let seconds):
        return .error(
          .tooManyRequests, "Overloaded",
          "as many texts wait as may; try again in \(seconds) s, or send fewer at once"
        ).adding("retry-after", "\(seconds)")
      }
    }
  }
#endif
