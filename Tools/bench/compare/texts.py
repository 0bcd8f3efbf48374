"""Lines for the tokenizers, made anew from what every machine with the peers' Python has, the same each time.

English: the documentation inside the standard library and the peers' packages, in lines of about 48 bytes.
Mixed: sentences of the Universal Declaration of Human Rights in many scripts, their words shuffled,
among words of random letters of the same script, accents, emoji, control characters and English.
"""

import ast
import os
import random
import sysconfig

ENGLISH_BYTES, MIXED_BYTES, LINE = 4_000_000, 1_500_000, 48

# Article 1 of the declaration, and the code points that random words are made of.
LANGUAGES = [
    ("Tous les êtres humains naissent libres et égaux en dignité et en droits.", "abcdeéèêëàâçîïôœùûü"),
    ("Alle Menschen sind frei und gleich an Würde und Rechten geboren.", "abcdefghäöüßÄÖÜ"),
    ("Todos los seres humanos nacen libres e iguales en dignidad y derechos.", "abcdeñáéíóúü¿¡"),
    ("Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.", "aąbcćdeęlłnńoóśźż"),
    ("Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.", "abcçdefgğhıiİjklöşü"),
    (
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
        "aăâđeêioôơuưạảấầẩẫậắ",
    ),
    ("Все люди рождаются свободными и равными в своем достоинстве и правах.", "абвгдеёжзийклмнопрстАБВЙ"),
    (
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
        "αβγδεζηθάέήίόύώϊΐς",
    ),
    ("כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.", "אבגדהוזחטיכלמנסעפצקרשת"),
    ("يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.", "ابتثجحخدذرزسشصضطظعغفقكلمنهويَُِّ"),
    (
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
        "कखगघचछजझटठडढणतथदधनािीुूेैोौं",
    ),
    ("มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ", "กขคงจฉชซญดตถทธนบปผฝพฟมยรลวะาิีึ"),
    (
        "人人生而自由，在尊严和权利上一律平等。",
        "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生",
    ),
    (
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
        "あいうえおがぎぐアイウエオガギグパピプ日本語",
    ),
    (
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
        "가나다라마바사아자차카타파하각난닫랄맘",
    ),
    (
        "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.",
        "აბგდევზთიკლმნოპჟრსტუფქღყშ",
    ),
    (
        "All human beings are born free and equal in dignity and rights.",
        "abcdefghijklmnopqrstuvwxyz0123456789",
    ),
]
ODDITIES = [
    "😀",
    "👩‍👩‍👧‍👦",
    "🇪🇺",
    "½",
    "№",
    "ﬁ",
    "e\u0301",
    "a\u030a\u0327",
    "\u200b",
    "\ufeff",
    "\u00a0",
    "—",
    "“…”",
    "€5",
    "x²",
    "\x07",
    "İ",
    "ẞ",
]


def sources():
    """Python files of the standard library, then of the peers, in a fixed order."""
    for root in (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")):
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(
                name for name in folders if name not in ("site-packages", "__pycache__", "test", "tests")
            )
            yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(".py"))


def english(path, size=ENGLISH_BYTES):
    """Writes the English lines."""
    lines, written, line = [], 0, ""
    for source in sources():
        try:
            with open(source, encoding="utf-8") as file:
                tree = ast.parse(file.read())
        except (OSError, SyntaxError, ValueError):
            continue
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        texts = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
        for word in " ".join(text for text in texts if text and text.isascii()).split():
            if line and len(line) + 1 + len(word) > LINE:
                lines.append(line)
                written += len(line) + 1
                line = word
            else:
                line = f"{line} {word}" if line else word
        if written >= size:
            break
    save(path, lines)


def mixed(path, size=MIXED_BYTES):
    """Writes the mixed lines."""
    chance, lines, written = random.Random(42), [], 0
    while written < size:
        sentence, letters = chance.choice(LANGUAGES)
        words = sentence.split()
        line = []
        for _ in range(chance.randint(4, 12)):
            kind = chance.random()
            if kind < 0.55:
                line.append(chance.choice(words))
            elif kind < 0.93:
                line.append("".join(chance.choice(letters) for _ in range(chance.randint(1, 9))))
            else:
                line.append(chance.choice(ODDITIES))
        lines.append(" ".join(line))
        written += len(lines[-1].encode()) + 1
    save(path, lines)


def save(path, lines):
    """Beside its place first, so that what is there is whole."""
    with open(f"{path}.{os.getpid()}", "w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)
    os.replace(file.name, path)
