/// Text of others as HTML and SVG may hold it, in content and in quoted attributes.
///
/// Beside what markup needs, characters that cannot be seen, or that turn the reading of what follows, are replaced by
/// their numbers, such as `⟨U+202E⟩`: what is shown is what is there.
func escaped(_ text: String) -> String {
  // Most text needs nothing.
  guard text.unicodeScalars.contains(where: needsEscape) else { return text }
  var result = ""
  result.reserveCapacity(text.utf8.count + 16)
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\t", "\n": result.unicodeScalars.append(scalar)
    case _ where needsEscape(scalar): result += numbered(scalar)
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

private func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x20...0x7E: "&<>\"'".unicodeScalars.contains(scalar)
  case 0...0x1F: scalar != "\t" && scalar != "\n"
  case 0x7F...0x9F, 0xAD, 0x61C, 0x180E, 0x200B, 0x200E...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF,
    0xFFF9...0xFFFB,
    0xE0000...0xE007F:
    true
  case 0xFDD0...0xFDEF: true
  default: scalar.value & 0xFFFE == 0xFFFE
  }
}

private func numbered(_ scalar: Unicode.Scalar) -> String {
  let digits = String(scalar.value, radix: 16, uppercase: true)
  return "⟨U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "⟩"
}
