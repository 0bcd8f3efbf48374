/// The tokens with a role. Nil where a tokenizer has none.
public struct SpecialTokens: Sendable, Hashable {
  public var unk: String? = "[UNK]"
  public var sep: String? = "[SEP]"
  public var pad: String? = "[PAD]"
  public var cls: String? = "[CLS]"
  public var mask: String? = "[MASK]"
  /// Tokens with roles that BERT does not know, such as `bos_token`.
  public var others: [Role] = []
  /// Special tokens without a role; `extra_special_tokens` in the files, before that
  /// `additional_special_tokens`.
  public var extra: [String] = []

  /// A token and the key it stands under.
  public struct Role: Sendable, Hashable {
    public var role: String
    public var token: String

    public init(role: String, token: String) { (self.role, self.token) = (role, token) }
  }

  /// BERT's own.
  public init() {}

  /// All that have a role, in the order in which transformers adds those that the vocabulary lacks.
  public var named: [Role] {
    let own: [(String, String?)] = [
      ("unk_token", unk), ("sep_token", sep), ("pad_token", pad), ("cls_token", cls), ("mask_token", mask),
    ]
    let isFirst = { (role: Role) in role.role == "bos_token" || role.role == "eos_token" }
    return others.filter(isFirst)
      + own.compactMap { role, token in token.map { Role(role: role, token: $0) } }
      + others.filter { !isFirst($0) }
  }

  /// Gives `role` a token, or takes it away.
  mutating func set(_ role: String, _ token: String?) {
    switch role {
    case "unk_token": unk = token
    case "sep_token": sep = token
    case "pad_token": pad = token
    case "cls_token": cls = token
    case "mask_token": mask = token
    default:
      others.removeAll { $0.role == role }
      if let token { others.append(Role(role: role, token: token)) }
    }
  }
}
