#if Serving
  import FlyingSocks

  #if canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #else
    import Glibc
  #endif

  /// Where a server listens: a numeric address of this machine, or `localhost`.
  package struct ListeningAddress: Sendable, Equatable {
    package let host: String
    /// Whether only this machine can connect.
    package let isLoopback: Bool
    private let isIPv6: Bool

    /// - Throws: ``ServingError/badHost(_:)`` for a name other than `localhost`, which may stand for any address.
    package init(host: String) throws(ServingError) {
      var four = in_addr()
      var six = in6_addr()
      if host == "localhost" {
        (self.host, isLoopback, isIPv6) = ("127.0.0.1", true, false)
      } else if inet_pton(AF_INET, host, &four) == 1 {
        let first = withUnsafeBytes(of: four) { $0[0] }
        (self.host, isLoopback, isIPv6) = (host, first == 127, false)
      } else if inet_pton(AF_INET6, host, &six) == 1 {
        let bytes = withUnsafeBytes(of: six) { Array($0) }
        (self.host, isLoopback, isIPv6) = (host, bytes == [UInt8](repeating: 0, count: 15) + [1], true)
      } else {
        throw .badHost(host)
      }
    }

    /// As it stands in a URL.
    package var urlHost: String { isIPv6 ? "[\(host)]" : host }

    /// Whether a field `Host` names this machine as its own programs do, with whatever port.
    func isNamed(by field: String) -> Bool {
      let field = field.lowercased()
      return ["localhost", "127.0.0.1", "[::1]", urlHost.lowercased()].contains { name in
        guard field.hasPrefix(name) else { return false }
        let rest = field.dropFirst(name.count)
        return rest.isEmpty || (rest.first == ":" && rest.dropFirst().utf8.allSatisfy(\.isDigit))
      }
    }

    /// A socket that listens, and its port.
    ///
    /// - Parameter port: 0 takes one that is free.
    /// - Throws: ``ServingError/cannotListen(host:port:reason:)``
    func listen(port: UInt16) throws(ServingError) -> (socket: Socket, port: UInt16) {
      do {
        let socket = try Socket(domain: isIPv6 ? AF_INET6 : AF_INET)
        do {
          try socket.setValue(true, for: .localAddressReuse)
          if isIPv6 {
            try socket.bind(to: .inet6(ip6: host, port: port))
          } else {
            try socket.bind(to: .inet(ip4: host, port: port))
          }
          try socket.listen()
          try socket.setFlags(.nonBlocking)
          let found: UInt16 =
            switch try socket.sockname() {
            case .ip4(_, let port), .ip6(_, let port): port
            case .unix: port
            }
          return (socket, found)
        } catch {
          try? socket.close()
          throw error
        }
      } catch {
        throw .cannotListen(host: host, port: port, reason: ServingError.reason(error))
      }
    }
  }

  /// Accepts connections until the task is cancelled; then closes the socket it listened on.
  ///
  /// Never ends for an error: when the process has no descriptor left, say, it pauses and tries again.
  struct Listener: Sendable {
    let socket: Socket
    let pool: any AsyncSocketPool
    /// Takes a connection, or says that it does not.
    let accept: @Sendable (Socket) -> Bool
    let metrics: Metrics

    func run() async {
      while !Task.isCancelled {
        do {
          let file = try socket.accept().file
          take(Socket(file: file))
        } catch SocketError.blocked {
          do { try await pool.suspendSocket(socket, untilReadyFor: .read) } catch { await pause() }
        } catch {
          await pause()
        }
      }
      try? socket.close()
    }

    private func pause() async { try? await Task.sleep(for: .milliseconds(50)) }

    private func take(_ connection: Socket) {
      let descriptor = connection.file.rawValue
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      var on: Int32 = 1
      // Answers are sent in one piece; there is nothing to gather.
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      #if canImport(Darwin)
        setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
      #endif
      guard (try? connection.setFlags(.nonBlocking)) != nil else {
        try? connection.close()
        return
      }
      guard !accept(connection) else { return }
      metrics.rejected(.connections)
      let response = HTTPResponse.error(
        .unavailable, "Overloaded", "no more connections are taken at the moment; try again in a second"
      ).adding("retry-after", "1").bytes(closes: true, date: time(nil))
      _ = response.withUnsafeBytes { systemSend(descriptor, $0.baseAddress, $0.count) }
      shutdown(descriptor, Int32(SHUT_WR))
      // What the client has sent by now; bytes that are not read would take the answer with them.
      var dropped = [UInt8](repeating: 0, count: 16 << 10)
      _ = dropped.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
      try? connection.close()
    }
  }
#endif
