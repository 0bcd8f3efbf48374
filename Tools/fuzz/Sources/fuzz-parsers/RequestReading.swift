import Serving

/// Requests of HTTP as they may arrive: all at once, or a few bytes at a time.
enum RequestReading {
  /// - Parameter bytes: the first says how many arrive at a time.
  /// - Postcondition: the process has ended when that makes a difference.
  static func check(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let sent = bytes.dropFirst()
    let (whole, pieces) = (read(sent, sent.count), read(sent, 1 + Int(first) % 16))
    precondition(whole == pieces, "what arrives in pieces is read otherwise")
  }

  private struct Found: Equatable {
    var events: [HTTPRequestParser.Event] = []
    var fault: HTTPFault?
  }

  private static func read(_ bytes: ArraySlice<UInt8>, _ count: Int) -> Found {
    var parser = HTTPRequestParser(limits: HTTPLimits(body: 4096))
    var found = Found()
    var rest = bytes
    do throws(HTTPFault) {
      while !rest.isEmpty {
        parser.append(rest.prefix(count))
        rest = rest.dropFirst(count)
        while true {
          let event = try parser.next()
          if event == .needsBytes { break }
          if case .head(let head) = event { consume((head[field: "host"], head.path)) }
          found.events.append(event)
        }
      }
    } catch {
      consume((error.description, error.status.code))
      found.fault = error
    }
    return found
  }
}
