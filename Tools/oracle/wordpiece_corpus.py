"""Writes Fixtures/wordpiece/corpus.jsonl: hard texts with what tokenizers 0.23.3 makes of them.

    python Tools/oracle/wordpiece_corpus.py

The vocabulary is Fixtures/wordpiece/vocab.txt (bert-base-uncased); configurations and the alphabets of the random
texts are those of wordpiece_sweep.py, the clean-up of decoded text is that of transformers 5.23.0. One JSON object a line:

k "config"  c its name, l lowercase, s strip accents or null, h ideographs apart, q clean text, d added tokens, each
            [content, special, normalized, single word, left strip, right strip]
k "text"    c configuration, t text, i ids, o offsets (flat), and where they say more than the ids: s tokens, w words
k "pair"    the same with p second text, y token types
k "window"  c, t, p or null, a add special tokens, m maxLength, d stride, g strategy, e side; r rows of
            [ids, types, special tokens mask, offsets (flat), words (-1: none), sequences (-1: none)], the first what
            stays, the others what overflows; or x the error's kind
k "batch"   c, t texts, p second texts or null, m maxLength or null, n padding (null, "longest" or a length),
            u multiple, e side of padding; i, y, a rows of ids, types, attention mask; or x the error's kind
k "decode"  c, i ids, t text, s text without special tokens, z text cleaned up
k "vocab"   v tokens, l added tokens in order [content, special, normalized], n token -> id, t text, i ids or null (error)
k "scalars" c, f first scalar, n how many; h FNV-1a (64 bits) of the ids and offsets, as 32-bit little-endian, of the
            text "S xSy " repeated for each scalar S of the block (surrogates left out)

Needs: tokenizers==0.23.3, transformers==5.23.0.
"""

import json
import random

import tokenizers
from transformers import BertTokenizer

import wordpiece_sweep as sweep
import wordpiece_tables as tables

TARGET = sweep.VOCAB.parent / "corpus.jsonl"
STRATEGIES = ["longest_first", "only_first", "only_second"]
HARD = [
    "", " ", "\t\n\r", "a", "Hello, World!", "5.1 3.5 1.4 0.2", "don't stop. yes!", "Isn't it? (No.)", "U.S.A. e.g. i.e.",
    "caf\u00e9 cafe\u0301 CAF\u00c9", "na\u00efve r\u00e9sum\u00e9 \u00c5ngstr\u00f6m", "stra\u00dfe STRA\u1e9eE", "\u0130stanbul \u0131", "\u03a3\u03a3 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
    "\ufb01ne \ufb03", "\u01c4 \u01c5 \u01c6", "x\u200dy x\u200by x\ufeffy x\u00ady", "a\u000bb a\u000cb a\u0085b a\u00a0b a\u2028b a\u3000b", "a\u0000b\ufffdc\u007fd\u009fe",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8", "\u4e2d\u6587abc\u5b57", "\uf900\ufa0e\U0002f800", "\U0002b81f\U0002b820\U0002b91f\U0002b920", "\ud55c\uad6d\uc5b4 \ud55c\uae00", "\u1112\u1161\u11ab",
    "\u0e44\u0e17\u0e22 \u0939\u093f\u0928\u094d\u0926\u0940 \u05e2\u05d1\u05e8\u05d9\u05ea \u0627\u0644\u0639\u0631\u0628\u064a\u0629", "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001fabf", "\u00b0 \u20ac \u00a9 \u2122 \u00a7 \u00b6 \u00ab\u00bb \u2026 \u2014",
    "$+<=>^`|~", "#hashtag @user http://x.yz/?q=1&r=2", "a_b-c/d\\e", "'' \"\" ``", "##ing ##", "[MASK]", "a[MASK]b", "[mask] [ MASK ] [MASK",
    "[CLS] a [SEP] b [PAD] [UNK]", "[[MASK]]", "[MASK][MASK]", "[unused0] [unused99]", "a" * 99, "a" * 100, "a" * 101, "a" * 600, "a" * 100 + "!" + "b" * 101 + " c",
    "\u00e9" * 100, "\u00e9" * 101, "\uac01" * 33, "\uac01" * 34, "a" * 60 + "\u0301" * 60, "z" * 250 + "\u00e9" + "z" * 300 + " ok", "unaffable tokenization antidisestablishmentarianism",
    "a\u0316\u0301b a\u0301\u0316b a\u0301\u0316\u302e\u0327b", "x\u302f\u0301y x\u0301\u302fy \u302e\u302a", "q\u0307\u0323 q\u0323\u0307 \u1e69 s\u0323\u0307", "\u0344\u0345 \u0f73\u0f71 \u0f75 \u0f81",
    "\u212b \u2126 \u2000 \u2001", "\u0958 \u09dc \u0a33 \ufb1d", "\U0001d15e \U0001d1bb \U000110ab", "\ufdd0 \uffff \U0001fffe \U0010ffff \ue000 \u0378", "\u1734 \u166d \U000111c9 \U00011938",
    "\u2c2f \ua7cb \U00010d50 \U00016ea0", "AbC\u0391\u03b2\u0393 \u0416\u0436 \u0531\u0561 \u10a0\u2d00 \u13a0\uab70", "\u00aa \u00ba \u00b2 \u00bd \u2160 \u24b6",
]


def interesting():
    """The scalars at both sides of every edge of every class, and a few of each mapping."""
    sets, lowercase, decomposition = tables.scan()
    found = set()
    for scalars in [*sets.values(), sorted(lowercase), sorted(decomposition)]:
        for first, last in tables.ranges(scalars):
            found |= {first - 1, first, last, last + 1}
    return sorted(c for c in found if 0 <= c < 0x110000 and not 0xD800 <= c <= 0xDFFF)


def flat(pairs):
    return [n for pair in pairs for n in pair]


def plain_tokens(tokenizer, encoding):
    return encoding.tokens == [tokenizer.id_to_token(i) for i in encoding.ids]


def text_record(name, tokenizer, text, pair=None):
    e = tokenizer.encode(text) if pair is None else tokenizer.encode(text, pair)
    record = {"k": "text", "c": name, "t": text, "i": e.ids, "o": flat(e.offsets)}
    if pair is not None:
        record |= {"k": "pair", "p": pair, "y": e.type_ids}
    if not plain_tokens(tokenizer, e):
        record |= {"s": e.tokens, "w": none(e.word_ids)}
    return record


def none(values):
    return [-1 if v is None else v for v in values]


def row(e):
    return [e.ids, e.type_ids, e.special_tokens_mask, flat(e.offsets), none(e.word_ids), none(e.sequence_ids)]


def window_record(rng, name, tokenizer, words):
    take = lambda: " ".join(rng.choice(words) for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 12])))
    text, pair = take(), take() if rng.random() < 0.6 else None
    strategy, side = rng.choice(STRATEGIES), rng.choice(["right", "left"])
    special, length, stride = rng.random() < 0.8, rng.randint(0, 14), rng.choice([0, 0, 0, 1, 2, 3, 6])
    record = dict(k="window", c=name, t=text, p=pair, a=special, m=length, d=stride, g=strategy, e=side)
    added = (3 if pair is not None else 2) if special else 0
    if length < added:
        return record | {"x": "noRoomForText"}  # the reference cuts nothing
    if stride and stride >= length - added:
        return record | {"x": "strideTooLong"}  # the reference refuses, or panics when it has to cut
    tokenizer.no_truncation()
    try:
        tokenizer.enable_truncation(length, stride=stride, strategy=strategy, direction=side)
        e = tokenizer.encode(text, pair, add_special_tokens=special)
    except BaseException as error:
        if "tokenizer stride" in str(error):  # it counts special tokens that are not added
            return window_record(rng, name, tokenizer, words)
        known = {"`stride` must": "strideTooLong", "Second sequence": "noSecondText",
                 "too short": "tooShortToTruncate"}
        return record | {"x": next(kind for part, kind in known.items() if part in str(error))}
    finally:
        tokenizer.no_truncation()
    return record | {"r": [row(x) for x in [e, *e.overflowing]]}


def batch_record(rng, name, tokenizer, words):
    rows = rng.randint(0, 4)
    take = lambda: " ".join(rng.choice(words) for _ in range(rng.choice([0, 1, 3, 6, 9])))
    texts, pairs = [take() for _ in range(rows)], [take() for _ in range(rows)] if rng.random() < 0.4 else None
    length, multiple, side = rng.choice([None, 5, 8, 16]), rng.choice([None, None, 4, 8]), rng.choice(["right", "left"])
    padding = rng.choice([None, "longest", "longest", 8, 16, 24])
    record = dict(k="batch", c=name, t=texts, p=pairs, m=length, n=padding, u=multiple, e=side)
    if length and multiple and padding and length % multiple:
        return record | {"x": "truncationNotMultiple"}  # transformers refuses
    if length: tokenizer.enable_truncation(length)
    if padding:
        tokenizer.enable_padding(direction=side, length=None if padding == "longest" else padding, pad_to_multiple_of=multiple)
    encodings = tokenizer.encode_batch(list(zip(texts, pairs)) if pairs is not None else texts)
    tokenizer.no_truncation(), tokenizer.no_padding()
    lengths = {len(e.ids) for e in encodings}
    if isinstance(padding, int) and any(n > -(-padding // (multiple or 1)) * (multiple or 1) for n in lengths):
        return record | {"x": "rowTooLong"}  # the reference leaves the row as it is
    if len(lengths) > 1:
        return record | {"x": "unevenRows"}
    return record | {"i": [e.ids for e in encodings], "y": [e.type_ids for e in encodings], "a": [e.attention_mask for e in encodings]}


def decode_record(name, tokenizer, ids):
    text = tokenizer.decode(ids, skip_special_tokens=False)
    return {"k": "decode", "c": name, "i": ids, "t": text, "s": tokenizer.decode(ids, skip_special_tokens=True),
            "z": BertTokenizer.clean_up_tokenization(None, text)}


def vocab_record(vocab, added, text):
    ids = {token: i for i, token in enumerate(vocab)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    listed = [tokenizers.AddedToken(c, special=s, normalized=n) for c, s, n in added]
    # transformers adds what is missing in this order
    missing = [t for t in ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]") if t not in {c for c, _, _ in added}]
    tokenizer.add_tokens(listed + [tokenizers.AddedToken(t, special=True) for t in missing])
    names = {*vocab, *(c for c, _, _ in added), *missing}
    try:
        found = tokenizer.encode(text, add_special_tokens=False).ids
    except Exception as error:
        assert "Missing [UNK]" in str(error)
        found = None
    return {"k": "vocab", "v": vocab, "l": added, "n": {t: tokenizer.token_to_id(t) for t in sorted(names)}, "t": text, "i": found}


def scalar_records(name, tokenizer, first, last):
    for start in range(first, last, 4096):
        scalars = [c for c in range(start, start + 4096) if not 0xD800 <= c <= 0xDFFF]
        if not scalars: continue
        e = tokenizer.encode("".join(f"{chr(c)} x{chr(c)}y " for c in scalars))
        value = 0xCBF29CE484222325
        for byte in b"".join(n.to_bytes(4, "little") for n in [*e.ids, *flat(e.offsets)]):
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        yield {"k": "scalars", "c": name, "f": start, "n": 4096, "h": f"{value:016x}"}


def main():
    assert tokenizers.__version__ == "0.23.3"
    rng = random.Random(20_23)
    built = {name: sweep.build(*configuration) for name, configuration in sweep.CONFIGURATIONS.items()}
    records = []
    edges = [chr(c) for c in interesting()]
    grouped = [" ".join(f"{c} x{c}y" for c in edges[i : i + 12]) for i in range(0, len(edges), 12)]
    for name, (options, added) in sweep.CONFIGURATIONS.items():
        records.append({
            "k": "config", "c": name, "l": options["lowercase"], "s": options.get("strip_accents"),
            "h": options.get("handle_chinese_chars", True), "q": options.get("clean_text", True),
            "d": [[a.content, a.special, a.normalized, a.single_word, a.lstrip, a.rstrip] for a in added]})
    for name, tokenizer in built.items():
        told = lambda by, text: (by.encode(text).ids, by.encode(text).tokens)
        texts = [t for t in HARD if name in ("uncased", "cased") or told(tokenizer, t) != told(built["uncased"], t)]
        if name == "uncased": texts += grouped
        texts += [sweep.random_text(rng) for _ in range({"uncased": 400, "cased": 200, "added": 180, "added_cased": 120}.get(name, 60))]
        records += [text_record(name, tokenizer, text) for text in texts]
        records += [text_record(name, tokenizer, sweep.random_text(rng), sweep.random_text(rng)) for _ in range(20)]
    words = "the cat sat unaffable [MASK] don't caf\u00e9 \u4e2d\u6587 playing ! MyTok rs".split()
    records += [window_record(rng, name, built[name], words) for name in ("uncased", "added") for _ in range(150)]
    records += [batch_record(rng, "uncased", built["uncased"], words) for _ in range(100)]
    sentences = ["don't stop. yes!", "he said: \"it's mine, isn't it?\" they've re-done what they do not", "[CLS] a [MASK] b [SEP]", "I'm . ' s", "rs MyTok new york"]
    for name in ("uncased", "added"):
        size = built[name].get_vocab_size()
        records += [decode_record(name, built[name], built[name].encode(s).ids) for s in sentences]
        records += [decode_record(name, built[name], [rng.randrange(size + 3) for _ in range(rng.randint(0, 12))]) for _ in range(50)]
        marks = [1005, 1012, 1029, 999, 1010, 1055, 1056, 1049, 1050, 2310, 2128, 2079, 2025, 102, 0]
        records += [decode_record(name, built[name], [rng.choice(marks) for _ in range(rng.randint(1, 9))]) for _ in range(40)]
    base = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##b", "##c", "ab", "foo", "\u00e9", "e\u0301", "e"]
    records += [
        vocab_record(base, [], "ab abc abbc foo caf\u00e9"),
        vocab_record(base + ["foo", "a"], [["new", False, True], ["foo", False, False]], "foo new a xfoo"),
        vocab_record(["a", "##b", "[UNK]"], [["zz", False, True]], "a ab zzab"),
        vocab_record(["a", "##b"], [], "a ab [MASK]"),
        vocab_record(["a", "##b"], [], "a b"),
        vocab_record(["a", "[UNK]", "a", "[UNK]", "##"], [["a", True, False], ["A", False, True]], "A a b"),
        vocab_record(base, [["[MASK]", True, False], ["b", False, False], ["ab", True, False]], "ab b aab [MASK]"),
        vocab_record(base, [["\u00e9", False, False], ["e\u0301", False, False]], "\u00e9 e\u0301 E\u0301"),
    ]
    records += scalar_records("uncased", built["uncased"], 0, 0x30000)
    records += scalar_records("uncased", built["uncased"], 0xE0000, 0xE1000)
    records += scalar_records("cased", built["cased"], 0, 0x10000)
    with open(TARGET, "w") as out:
        for record in records:
            out.write(json.dumps(record, separators=(",", ":"), ensure_ascii=True) + "\n")
    print(len(records), "records,", TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
