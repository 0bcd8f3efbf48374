#if Serving
  import FlyingSocks

  /// What tells which sockets can be read or written: epoll or kqueue.
  enum EventPool {
    /// - Throws: when the system has no descriptor left for it.
    static func open() throws -> any AsyncSocketPool {
      #if canImport(Darwin)
        SocketPool(queue: try OpenQueue(kQueue(maxEvents: 64)))
      #else
        SocketPool(queue: try OpenQueue(ePoll(maxEvents: 64)))
      #endif
    }
  }

  /// A queue that is open from its making, so that who makes it is told when that fails; a pool opens its own only once
  /// it runs.
  private struct OpenQueue<Queue: EventQueue>: EventQueue {
    private var queue: Queue

    init(_ queue: Queue) throws {
      self.queue = queue
      do { try self.queue.open() } catch {
        try? self.queue.close()
        throw error
      }
    }

    mutating func open() {}
    mutating func stop() throws { try queue.stop() }
    mutating func close() throws { try queue.close() }

    mutating func addEvents(_ events: Socket.Events, for socket: Socket.FileDescriptor) throws {
      try queue.addEvents(events, for: socket)
    }

    mutating func removeEvents(_ events: Socket.Events, for socket: Socket.FileDescriptor) throws {
      try queue.removeEvents(events, for: socket)
    }

    func getNotifications() throws -> [EventNotification] { try queue.getNotifications() }
  }

  extension ServingError {
    /// What the system says of a failed call.
    static func reason(_ error: any Error) -> String {
      if case SocketError.failed(_, _, let message) = error { message } else { "\(error)" }
    }
  }
#endif
