#!/usr/bin/env python3
"""`ckpt tokenize` against the tokenizers library: the hard corpus, and a random sweep by the seed.

    python3 Tools/interop.d/tokens_check.py CHECKPOINT_FOLDER CORPUS SEED [COUNT]

CORPUS is Fixtures/wordpiece/corpus.jsonl; its texts and pairs are taken, and what is expected of them with
the checkpoint's tokenizer is asked of the library anew.
"""

import json
import os
import random
import sys
import unicodedata

from common import Report, ckpt_json, guarded, quiet, read_json_lines

quiet()

from tokenizers import Tokenizer

FIELDS = (
    ("input_ids", "ids"),
    ("token_type_ids", "type_ids"),
    ("attention_mask", "attention_mask"),
    ("tokens", "tokens"),
)


def corpus(path):
    """All texts and pairs of the corpus, whatever configuration they are there for."""
    found = {}
    for record in read_json_lines(path):
        text, pair = record.get("t"), record.get("p")
        if record["k"] in ("text", "pair", "window") and isinstance(text, str):
            found[text, pair if isinstance(pair, str) else None] = None
    return list(found)


class Sweep:
    """Random strings of the kinds that break tokenizers."""

    MARKED = [c for c in map(chr, range(0x300, 0x370))] + list(
        "\u0483\u0591\u064b\u093c\u0f71\u1ab0\u20d0\u3099\ufe20"
    )
    SPACES = [
        chr(c)
        for c in (
            9,
            10,
            11,
            12,
            13,
            0x1C,
            0x20,
            0x85,
            0xA0,
            0xAD,
            0x1680,
            0x2003,
            0x200B,
            0x200D,
            0x2028,
            0x2029,
            0x202F,
            0x205F,
            0x3000,
            0xFEFF,
            0xFFFD,
            0,
        )
    ]
    PIECES = [
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "[PAD]",
        "[UNK]",
        "[mask]",
        "[unused0]",
        "##ing",
        "don't",
        "İ",
        "ß",
        "ẞ",
        "ΑΣ",
        "ﬁ",
        "½",
        "日本語",
        "한국어",
        "각",
        "Ω",
        "Å",
        "é",
        "e\u0301",
        "👩‍👩‍👧",
        "🇫🇷",
        "１２",
        "3.14",
        "-1e-3",
        "…",
    ]
    BLOCKS = [
        (0x20, 0x7E),
        (0x20, 0x7E),
        (0x61, 0x7A),
        (0x30, 0x39),
        (0xA0, 0x24F),
        (0x370, 0x5FF),
        (0x600, 0xDFF),
        (0xE00, 0x1FFF),
        (0x2000, 0x2BFF),
        (0x2E80, 0x9FFF),
        (0xAC00, 0xD7A3),
        (0xE000, 0xFFFF),
        (0x10000, 0x1FFFF),
        (0x20000, 0x323AF),
        (0xE0000, 0xE01EF),
        (0x100000, 0x10FFFF),
    ]

    def __init__(self, seed, words):
        self.random, self.words = random.Random(seed), words

    def character(self):
        low, high = self.random.choice(self.BLOCKS)
        while True:
            value = self.random.randint(low, high)
            if not 0xD800 <= value <= 0xDFFF:
                return chr(value)

    def part(self):
        kind = self.random.randrange(8)
        if kind < 2:
            return self.random.choice(self.words)
        if kind == 2:
            return self.random.choice(self.SPACES)
        if kind == 3:
            return self.random.choice(self.PIECES)
        if kind == 4:
            return self.character() + "".join(self.random.choices(self.MARKED, k=self.random.randrange(4)))
        if kind == 5 and self.random.random() < 0.05:
            return self.random.choice("aé한") * self.random.randint(30, 105)  # near the 100-character rule
        return "".join(self.character() for _ in range(self.random.randrange(6)))

    def text(self):
        glue = self.random.choice(["", " ", " ", self.random.choice(self.SPACES)])
        text = glue.join(self.part() for _ in range(self.random.randrange(12)))
        if self.random.random() < 0.1:
            text = unicodedata.normalize(self.random.choice(["NFC", "NFD", "NFKC", "NFKD"]), text)
        return text[:150]


def compare(report, name, checkpoint, tokenizer, inputs, special=True, longest=None):
    """Every field of every encoding; `inputs` are pairs (text, text_pair or none)."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest) if longest else tokenizer.no_truncation()
    expected = [tokenizer.encode(text, pair, add_special_tokens=special) for text, pair in inputs]
    options = ([] if special else ["--no-special-tokens"]) + (["--max-length", longest] if longest else [])
    lines = [json.dumps(text if pair is None else dict(text=text, text_pair=pair)) for text, pair in inputs]
    answers = ckpt_json("tokenize", checkpoint, "--jsonl", *options, lines=lines)
    if not report.check(
        f"{name}: an answer for each of {len(inputs)} inputs", len(answers) == len(inputs), len(answers)
    ):
        return
    for ours, theirs in FIELDS + (("offsets", "offsets"),):
        wrong = []
        for line, answer, encoding in zip(lines, answers, expected):
            value = getattr(encoding, theirs)
            value = [list(pair) for pair in value] if ours == "offsets" else list(value)
            if answer[ours] != value:
                wrong.append((line, answer[ours], value))
        detail = (
            f"{len(wrong)} differ, such as {wrong[0][0]}: {wrong[0][1]}, expected {wrong[0][2]}"
            if wrong
            else ""
        )
        report.check(f"{name}: {ours}", not wrong, detail)


def main():
    checkpoint, path, seed, *count = sys.argv[1:]
    report = Report("tokens")
    tokenizer = Tokenizer.from_file(os.path.join(checkpoint, "tokenizer.json"))
    tokenizer.no_truncation()
    short = lambda pair: len(tokenizer.encode(*pair).ids) <= 512
    known = [pair for pair in corpus(path) if short(pair)]
    report.check(f"the hard corpus has {len(known)} inputs", len(known) > 1000)
    compare(report, "hard corpus", checkpoint, tokenizer, known)
    sweep = Sweep(int(seed), [word for word in tokenizer.get_vocab() if not word.startswith("[")])
    texts = [sweep.text() for _ in range(int(count[0]) if count else 20_000)]
    compare(report, f"sweep by seed {seed}", checkpoint, tokenizer, [(text, None) for text in texts])
    pairs = [pair for pair in zip(texts[:4000:2], texts[1:4000:2]) if short(pair)]
    compare(report, "sweep, pairs", checkpoint, tokenizer, pairs)
    compare(report, "sweep, no special tokens", checkpoint, tokenizer, pairs, special=False)
    compare(report, "sweep, at most 16 tokens", checkpoint, tokenizer, pairs, longest=16)
    report.finish()


if __name__ == "__main__":
    guarded(main)
