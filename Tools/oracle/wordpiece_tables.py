"""Writes Sources/WordPiece/CharacterTables.swift: the Unicode data that tokenizers 0.23.3 really uses.

The library mixes four Unicode versions (general categories of about 8, normalisation of about 9, lower-casing of the
Rust compiler that built it, `\\w` of its regex crate), so no published table fits. Each one is read off the library:
every scalar value goes through one stage, and what comes out is recorded.

Needs: tokenizers==0.23.3 (nothing else). Usage: python Tools/oracle/wordpiece_tables.py   (about 20 s)
"""

import pathlib
import unicodedata

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

VERSION = "0.23.3"
TARGET = pathlib.Path(__file__).resolve().parents[2] / "Sources/WordPiece/CharacterTables.swift"
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def bert(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **on}).normalize_str


def scan():
    """One list of scalars per class, and the three mappings."""
    clean, cjk = bert(clean_text=True), bert(handle_chinese_chars=True)
    strip, lower, nfd = bert(strip_accents=True), bert(lowercase=True), normalizers.NFD().normalize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    sets = {name: [] for name in ("removed", "blanked", "ideograph", "mark", "punctuation", "whitespace")}
    lowercase, decomposition = {}, {}
    for scalar in SCALARS:
        c = chr(scalar)
        match clean(f"a{c}b"):
            case "ab": sets["removed"].append(scalar)
            case "a b" if c != " ": sets["blanked"].append(scalar)
        match cjk(c):
            case out if out == f" {c} ": sets["ideograph"].append(scalar)
            case out: assert out == c, hex(scalar)
        if strip(c) == "": sets["mark"].append(scalar)
        if (out := lower(c)) != c: lowercase[scalar] = [ord(x) for x in out]
        if (out := nfd(c)) != c and scalar not in HANGUL: decomposition[scalar] = [ord(x) for x in out]
        match [piece for piece, _ in split(f"a{c}b")]:
            case ["a", middle, "b"] if middle == c: sets["punctuation"].append(scalar)
            case ["a", "b"]: sets["whitespace"].append(scalar)
            case rest: assert rest == [f"a{c}b"], (hex(scalar), rest)
    return sets, lowercase, decomposition


def word_characters():
    """The scalars that Rust's `\\w` matches: a single-word added token is not found beside one."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.add_tokens([AddedToken("<t>", single_word=True, normalized=False)])
    out = []
    for start in range(0, len(SCALARS), 4096):
        part = SCALARS[start : start + 4096]
        # '<' and '>' are no word characters; " " keeps neighbours apart.
        found = {a for a, b in tokenizer.encode("".join(f" {chr(c)}<t>" for c in part)).offsets if b - a == 3}
        out += [c for i, c in enumerate(part) if 5 * i + 2 not in found]
    return out


def combining_classes(decomposition):
    """Classes as the library's canonical ordering sees them, by comparison with marks of known class.

    Two marks change places exactly when the second has the lower, non-zero class. Classes of assigned
    scalars never change (Unicode stability policy), so old marks serve as the ladder.
    """
    nfd = normalizers.NFD().normalize_str
    moves = lambda a, b: nfd("a" + a + b) != "a" + a + b
    ladder = {}
    for scalar in range(0x300, 0x1D16E):
        c = chr(scalar)
        # Marks younger than the library's data stay where they are: no rung.
        if (k := unicodedata.combining(c)) and scalar not in decomposition:
            if moves("\u0345", c) or moves(c, "\u0334"):  # classes 240 and 1
                ladder.setdefault(k, c)
    below = lambda c, k: moves(ladder[k], c)  # 0 < class(c) < k
    above = lambda c, k: moves(c, ladder[k])  # class(c) > k
    steps, classes = sorted(ladder), {}
    for scalar in SCALARS:
        c = chr(scalar)
        if scalar in decomposition or scalar in HANGUL:
            continue
        if below(c, steps[-1]) or above(c, steps[0]):
            low, high = 0, len(steps) - 1
            while low < high:
                middle = (low + high) // 2
                low, high = (middle + 1, high) if above(c, steps[middle]) else (low, middle)
            assert not below(c, steps[low]) and not above(c, steps[low]), hex(scalar)
            classes[scalar] = steps[low]
    return classes


def ranges(scalars):
    out = []
    for c in scalars:
        if out and c == out[-1][1] + 1: out[-1][1] = c
        else: out.append([c, c])
    return out


def lowercase_runs(lowercase):
    """(first, last, step, distance): scalars `step` apart that move by the same distance."""
    runs = []
    for scalar, target in sorted((k, v[0]) for k, v in lowercase.items() if len(v) == 1):
        distance = target - scalar
        if runs and runs[-1][3] == distance and runs[-1][0] == runs[-1][1] and scalar - runs[-1][1] in (1, 2):
            runs[-1][1:3] = scalar, scalar - runs[-1][1]
        elif runs and runs[-1][3] == distance and scalar - runs[-1][1] == runs[-1][2] and runs[-1][0] != runs[-1][1]:
            runs[-1][1] = scalar
        else:
            runs.append([scalar, scalar, 1, distance])
    return runs


def array(name, comment, numbers, kind="UInt32"):
    lines, line = [], "   "
    for n in numbers:
        text = f" {n},"
        if len(line) + len(text) > 150:
            lines.append(line)
            line = "   "
        line += text
    lines.append(line)
    return f"  /// {comment}\n  static let {name}: [{kind}] = [\n" + "\n".join(lines) + "\n  ]\n"


def main():
    assert tokenizers.__version__ == VERSION, f"the tables are those of tokenizers {VERSION}"
    sets, lowercase, decomposition = scan()
    sets["wordCharacter"] = word_characters()
    classes = combining_classes(decomposition)
    assert [k for k, v in lowercase.items() if len(v) > 1] == [0x130] and lowercase[0x130] == [0x69, 0x307]
    notes = {
        "removed": "Scalars that cleaning drops: U+0000, U+FFFD, and categories Cc, Cf, Co but for TAB, LF, CR.",
        "blanked": "Scalars that cleaning turns into a space.",
        "ideograph": "Scalars that get a space on either side.",
        "mark": "Scalars that accent stripping drops: category Mn.",
        "punctuation": "Scalars that stand alone as a word.",
        "whitespace": "Scalars that separate words; also what an added token strips beside it.",
        "wordCharacter": "Scalars beside which a single-word added token is not recognised (`\\w`).",
    }
    flat = lambda pairs: [n for pair in pairs for n in pair]
    parts = [array(name, note + " (first, last).", flat(ranges(sets[name]))) for name, note in notes.items()]
    by_class = {}
    for scalar, k in classes.items():
        by_class.setdefault(k, []).append(scalar)
    parts.append(array("combiningClass", "Canonical combining classes. (first, last, class).",
                       flat([a, b, k] for k in sorted(by_class) for a, b in ranges(by_class[k]))))
    parts.append(array("lowercase", "Lower case, but for U+0130. (first, last, step, distance).",
                       flat(lowercase_runs(lowercase)), "Int32"))
    parts.append(array("decomposition",
                       "Full canonical decompositions, without Hangul. (scalar, count, then the parts).",
                       flat([k, len(v), *v] for k, v in sorted(decomposition.items()))))
    TARGET.write_text(
        "// swift-format-ignore-file\n"
        f"// Generated by Tools/oracle/wordpiece_tables.py from tokenizers {VERSION}. Do not edit.\n\n"
        f"/// The Unicode data of tokenizers {VERSION}, which follows no single Unicode version.\n"
        "///\n"
        "/// Scalars in decimal; ranges are inclusive and ascending.\n"
        "enum CharacterTables {\n" + "\n".join(parts) + "}\n")
    print({k: len(v) for k, v in sets.items()}, "lower", len(lowercase), "nfd", len(decomposition), "ccc", len(classes))


if __name__ == "__main__":
    main()
