/// What happens while files come or go. Events come from several threads, though never two at a time.
@nonexhaustive
public enum HubEvent: Sendable, Equatable {
  /// It did not work yet; another attempt follows.
  case waiting(seconds: Int, reason: String)
  /// Another program is at the same file.
  case waitingForLock(file: String)
  /// What the hub wants to be told to people.
  case notice(String)
  /// What is to be had, and how much of it is not here yet.
  case resolved(commit: String, fileCount: Int, byteCount: Int, missingByteCount: Int)
  /// The hub does not answer, and what is in the cache is used.
  case cached(commit: String, reason: String)
  /// What had come of a file was not its beginning; it begins anew.
  case restarted(file: String, reason: String)
  /// Files were read to learn what they are.
  case hashed(byteCount: Int, of: Int)
  /// Bytes went over the wire; both figures count all files.
  case transferred(byteCount: Int, of: Int, file: String)
  /// Somebody else's commit has come between; the repository is looked at again.
  case rebased(reason: String)
}
