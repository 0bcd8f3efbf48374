"""Compares a tokenizer command with tokenizers 0.23.3 over more strings than a fixture could hold.

    python Tools/oracle/wordpiece_sweep.py [--part scalars|random] [--seed N] [--count N] [--only NAME] -- COMMAND...

For each configuration below a model folder (tokenizer.json, tokenizer_config.json, vocab.txt) is made in a temporary
place, and `COMMAND... FOLDER --json --jsonl` is run on it; with this package's own command that is

    python Tools/oracle/wordpiece_sweep.py -- .build/release/ckpt tokenize

The command reads one JSON value a line, a string or {"text": ..., "text_pair": ...}, and answers each with one line
{"input_ids", "token_type_ids", "attention_mask", "tokens", "offsets"}; offsets count Unicode scalars.

scalars  every Unicode scalar value, alone and between two letters (2,224,128 strings for each configuration)
random   `count` random strings and pairs for each configuration, from a fixed seed

The exit code is 0 when nothing differs. Needs: tokenizers==0.23.3.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

VOCAB = pathlib.Path(__file__).resolve().parents[2] / "Fixtures/wordpiece/vocab.txt"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TRICKY = [
    AddedToken("[MASK]", lstrip=True, special=True, normalized=False),
    AddedToken("MyTok", normalized=True),
    AddedToken("mytokens", normalized=True),
    AddedToken("York", single_word=True, normalized=False),
    AddedToken("New York", normalized=False),
    AddedToken("Rs", rstrip=True, lstrip=True, normalized=True),
    AddedToken("中z", lstrip=True, normalized=True),
    AddedToken("é", normalized=True, single_word=True),
    AddedToken("ñ!", normalized=False, rstrip=True),
    AddedToken("<s>", normalized=False, rstrip=True, special=True),
    AddedToken("hello", normalized=True),
]
#: name -> (normaliser options, added tokens)
CONFIGURATIONS = {
    "uncased": (dict(lowercase=True), []),
    "cased": (dict(lowercase=False), []),
    "uncased_accents": (dict(lowercase=True, strip_accents=False), []),
    "cased_stripped": (dict(lowercase=False, strip_accents=True), []),
    "unclean": (dict(lowercase=True, clean_text=False), []),
    "no_ideographs": (dict(lowercase=True, handle_chinese_chars=False), []),
    "bare": (dict(lowercase=False, clean_text=False, handle_chinese_chars=False, strip_accents=False), []),
    "added": (dict(lowercase=True), TRICKY),
    "added_cased": (dict(lowercase=False), TRICKY),
}


def read_vocab():
    with open(VOCAB, encoding="utf-8", newline="\n") as lines:
        return {line.rstrip("\n"): i for i, line in enumerate(lines)}


def build(normalizer, added=(), vocab=None):
    vocab = vocab or read_vocab()
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**normalizer)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    plain = [AddedToken(t, special=True, normalized=False) for t in SPECIAL if t not in {a.content for a in added}]
    tokenizer.add_tokens(plain + list(added))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])])
    return tokenizer


def save(tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    options = json.loads(tokenizer.normalizer.__getstate__())
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "BertTokenizer", "do_lower_case": options["lowercase"],
        "strip_accents": options["strip_accents"], "tokenize_chinese_chars": options["handle_chinese_chars"],
        "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "mask_token": "[MASK]"}))
    shutil.copy(VOCAB, folder / "vocab.txt")


def scalars():
    for scalar in range(0x110000):
        if not 0xD800 <= scalar <= 0xDFFF:
            yield chr(scalar)
            yield f"x{chr(scalar)}y"


#: Alphabets that random strings are drawn from; each string mixes a few.
ALPHABETS = [
    [chr(c) for c in range(128)],
    list("abcdefghijklmnopqrstuvwxyz") * 3 + list("ABCDEFGHIJKLMNOPQRSTUVWXYZ  .,'-"),
    list(" \t\n\r\v\f\x00\x7f\x85\xa0\xad\u1680\u2000\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u3000\ufeff\ufffd"),
    [chr(c) for c in range(0xC0, 0x250)],
    [chr(c) for c in range(0x300, 0x370)],
    ["\u302a", "\u302b", "\u302c", "\u302d", "\u302e", "\u302f", "\u0344", "\u0f73", "\u0f75", "\u0f81", "\u1dfa"],
    [chr(c) for c in range(0x370, 0x530)],
    [chr(c) for c in range(0x591, 0x700)],
    [chr(c) for c in range(0x900, 0xE00)],
    [chr(c) for c in range(0x1E00, 0x2070)],
    [chr(c) for c in range(0x3040, 0x3100)] + list("日本語中文字漢"),
    [chr(c) for c in range(0x4E00, 0x4F00)] + [chr(c) for c in range(0xF900, 0xFA20)],
    [chr(c) for c in range(0xAC00, 0xAD00)] + [chr(c) for c in range(0x1100, 0x1200)],
    [chr(c) for c in range(0x1D100, 0x1D200)] + [chr(c) for c in range(0x110A0, 0x111D0)],
    [chr(c) for c in range(0x1F300, 0x1F700)] + ["\U0002b820", "\U0002ceae", "\U000e0041", "\U0010ffff"],
    ["[MASK]", "[mask]", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[", "]", "MASK", "[unused0]", "##", "##ing"],
    ["MyTok", "mytok", "mytokens", "York", "New York", "new york", "Rs", "rs", "中z", "é", "e\u0301", "ñ!", "<s>", "hello", " "],
    ["the", "playing", "unaffable", "tokenization", "Iris", "setosa", "5.1", "3.5", "don't", "U.S.", "naïve", "straße"],
]
PLANES = [range(0x80, 0xD800), range(0xE000, 0x10000), range(0x10000, 0x30000), range(0xE0000, 0x110000)]


def random_text(rng):
    mixed = [rng.choice(ALPHABETS) for _ in range(rng.randint(1, 4))]
    parts = []
    for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 12, 20, 40])):
        kind = rng.random()
        if kind < 0.03:
            parts.append(chr(rng.choice(rng.choice(PLANES))))
        elif kind < 0.1:
            parts.append(" ")
        elif kind < 0.105:
            parts.append(rng.choice(rng.choice(mixed)) * rng.randint(30, 110))
        else:
            parts.append(rng.choice(rng.choice(mixed)))
    return "".join(parts)


def random_inputs(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        yield random_text(rng) if rng.random() < 0.9 else (random_text(rng), random_text(rng))


def line(value):
    return json.dumps(value if isinstance(value, str) else {"text": value[0], "text_pair": value[1]})


def compare(name, command, values):
    """The number of inputs, and of those whose answer differs."""
    normalizer, added = CONFIGURATIONS[name]
    tokenizer = build(normalizer, added)
    checked = differing = 0
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place) / name
        save(tokenizer, folder)
        values = list(values)
        with open(folder / "input.jsonl", "w") as out:
            out.writelines(line(v) + "\n" for v in values)
        with open(folder / "input.jsonl") as stdin:
            process = subprocess.Popen([*command, str(folder), "--json", "--jsonl"], stdin=stdin, stdout=subprocess.PIPE)
        for start in range(0, len(values), 2000):
            part = values[start : start + 2000]
            for value, want in zip(part, tokenizer.encode_batch(part)):
                answer = process.stdout.readline()
                if not answer:
                    sys.exit(f"{name}: the command stopped at input {checked}: {line(value)[:300]}")
                got = json.loads(answer)
                wanted = {
                    "input_ids": want.ids, "token_type_ids": want.type_ids, "attention_mask": want.attention_mask,
                    "tokens": want.tokens, "offsets": [list(o) for o in want.offsets]}
                checked += 1
                if any(got.get(key) != wanted[key] for key in wanted):
                    differing += 1
                    if differing <= 10:
                        keys = [key for key in wanted if got.get(key) != wanted[key]]
                        print(name, line(value)[:300], *((key, got.get(key), wanted[key]) for key in keys), sep="\n  ")
        process.stdout.close()
        process.wait()
    return checked, differing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["scalars", "random"])
    parser.add_argument("--only", choices=list(CONFIGURATIONS), action="append")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    assert tokenizers.__version__ == "0.23.3", "the reference is tokenizers 0.23.3"
    total = 0
    for name in arguments.only or CONFIGURATIONS:
        for part in [arguments.part] if arguments.part else ["random", "scalars"]:
            if part == "scalars" and not arguments.only and name not in ("uncased", "cased"):
                continue
            values = scalars() if part == "scalars" else random_inputs(arguments.seed, arguments.count)
            checked, differing = compare(name, arguments.command, values)
            total += differing
            print(f"{name} {part}: {checked} inputs, {differing} differ", flush=True)
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
