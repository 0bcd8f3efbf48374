#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The Hugging Face cache on this machine: where it is, and what lies in it. Module Hub writes it.
///
/// Reference: `constants.py` and the cache layout of huggingface_hub.
package enum HubCache {
  /// The folder of the cache: `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME`, else in
  /// `$XDG_CACHE_HOME/huggingface`, else in `~/.cache/huggingface`.
  package static func folder(_ variable: (String) -> String? = environmentVariable) -> String {
    if let path = variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE") {
      return expanded(path, variable)
    }
    return FileSystem.join(home(variable), "hub")
  }

  /// The folder of everything Hugging Face keeps: `HF_HOME`, else `huggingface` in `XDG_CACHE_HOME`, else in `~/.cache`.
  package static func home(_ variable: (String) -> String? = environmentVariable) -> String {
    if let home = variable("HF_HOME") { return expanded(home, variable) }
    return FileSystem.join(expanded(variable("XDG_CACHE_HOME") ?? "~/.cache", variable), "huggingface")
  }

  /// The name of the folder of a repository in the cache: `models--org--name`.
  package static func folderName(ofRepository name: String) -> String {
    "models--" + name.split(separator: "/", omittingEmptySubsequences: false).joined(separator: "--")
  }

  /// The folder of a cached repository, or nil when `name` cannot be one or is not there.
  ///
  /// - Parameter name: `org/name`; or a name alone, which finds the one repository of that name whoever owns it.
  package static func repository(_ name: String, in cache: String) -> String? {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy(isNamePart) else { return nil }
    let folder = FileSystem.join(cache, folderName(ofRepository: name))
    if FileSystem.isDirectory(folder) { return folder }
    guard parts.count == 1, let names = try? FileSystem.list(cache) else { return nil }
    let found = names.filter { entry in
      entry.hasPrefix("models--") && entry.hasSuffix("--" + name) && repositoryName(ofFolder: entry) != nil
    }
    return found.count == 1 ? FileSystem.join(cache, found[0]) : nil
  }

  /// `org/name` of a path inside the cache, or nil when the path does not lead through a repository's folder.
  package static func repositoryName(ofPath path: String) -> String? {
    path.split(separator: "/").reversed().lazy.compactMap { repositoryName(ofFolder: String($0)) }.first
  }

  /// `org/name` of a folder `models--org--name`; nil for any other name.
  package static func repositoryName(ofFolder folder: String) -> String? {
    guard folder.hasPrefix("models--") else { return nil }
    let name = folder.dropFirst("models--".count)
    // Neither part of a repository's name may hold "--", so that the first one ends the owner.
    guard let gap = name.firstRange(of: "--") else { return name.isEmpty ? nil : String(name) }
    let (owner, model) = (name[..<gap.lowerBound], name[gap.upperBound...])
    return isNamePart(owner) && isNamePart(model) ? "\(owner)/\(model)" : nil
  }

  /// What the hub allows: letters, digits, `-`, `_`, `.`, neither `--` nor `..`, and no `-` or `.` at the ends.
  private static func isNamePart(_ part: Substring) -> Bool {
    let ends: [Character] = ["-", "."]
    guard let first = part.first, let last = part.last, !ends.contains(first), !ends.contains(last) else {
      return false
    }
    let isAllowed = { (character: Character) in
      character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
    }
    return part.count <= 96 && !part.contains("--") && !part.contains("..") && part.allSatisfy(isAllowed)
  }

  /// A repository's name, `org/name` or `name`, as the hub accepts it.
  package static func isRepositoryName(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count <= 2 && parts.allSatisfy(isNamePart)
  }

  /// `~` and `$NAME` replaced, as huggingface_hub does.
  package static func expanded(_ path: String, _ variable: (String) -> String?) -> String {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).enumerated().map { index, part in
      if index == 0 && part == "~" { return variable("HOME") ?? "~" }
      if part.hasPrefix("$") {
        let name = part.dropFirst().filter { $0 != "{" && $0 != "}" }
        return variable(String(name)) ?? String(part)
      }
      return String(part)
    }
    return parts.joined(separator: "/")
  }
}

/// A variable of the environment; an empty one counts as none.
package func environmentVariable(_ name: String) -> String? {
  guard let value = getenv(name), value.pointee != 0 else { return nil }
  return String(cString: value)
}
