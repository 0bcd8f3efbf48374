#!/usr/bin/env python3
"""What AutoTokenizer makes of tokenizer files, alone and in conflict, and the files that tokenizers are saved to.

    python3 Tools/oracle/modelfiles_tokenizers.py [OUTPUT_FOLDER]          (default Fixtures/modelfiles)

Run in both environments (Tools/requirements); each writes its own file:

  transformers 5.23.0, tokenizers 0.23.3   tokenizers.json    folders of files, and the tokenizer that comes of each
  both                                     saved_5.json, saved_4.json   tokenizers, and the files they are saved to
"""

import json
import pathlib
import sys
import tempfile

import transformers
from transformers import AutoTokenizer

OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "Fixtures/modelfiles"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = SPECIAL + ["hello", "world", "Hello", "café", "cafe", "##s", "!"]
CONFIG = {"model_type": "bert", "vocab_size": 12}
transformers.logging.set_verbosity_error()


def added(id, content, **options):
    token = dict(id=id, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return {**token, **options}


def entry(content, **options):
    return {k: v for k, v in added(0, content, **options).items() if k != "id"}


def tokenizer(vocabulary, lowercase=True, strip_accents=None, chinese=True, clean=True, more=(), words=100, **top):
    ids = {token: i for i, token in enumerate(vocabulary)}

    def special(token, type_id):
        return {"SpecialToken": {"id": token, "type_id": type_id}}

    single = [special("[CLS]", 0), {"Sequence": {"id": "A", "type_id": 0}}, special("[SEP]", 0)]
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}}, special("[SEP]", 1)]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(ids[t], t) for t in SPECIAL if t in ids] + list(more),
        "normalizer": {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
                       "strip_accents": strip_accents, "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": {
            t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in ("[CLS]", "[SEP]")}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": words, "vocab": ids},
        **top,
    }  # fmt: skip


def lines(tokens, end="\n", last=True):
    return end.join(tokens) + (end if last else "")


def folders():
    """name -> {file name: contents}; config.json is added unless the name says no config."""
    v, t = "vocab.txt", "tokenizer.json"
    c, s, a = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
    text = lines(VOCABULARY)
    other = SPECIAL + VOCABULARY[:4:-1]
    bert = {"tokenizer_class": "BertTokenizer"}
    truncation = {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    yield "vocab.txt alone", {v: text}
    yield "tokenizer.json alone", {t: tokenizer(VOCABULARY)}
    yield "tokenizer.json alone, no config", {t: tokenizer(VOCABULARY, lowercase=False, strip_accents=True, chinese=False)}
    yield "tokenizer.json beats vocab.txt", {v: text, t: tokenizer(other)}
    yield "a BERT class ignores the normalizer", {t: tokenizer(VOCABULARY, False, True, False, words=4), c: bert}
    yield "a BERT class is implied by config.json", {t: tokenizer(VOCABULARY, False, True, False)}
    yield "options of tokenizer_config", {v: text, c: {"do_lower_case": False, "tokenize_chinese_chars": False, "strip_accents": True, "model_max_length": 77}}
    yield "the old Fast name", {t: tokenizer(VOCABULARY), c: {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False}}
    yield "DistilBERT's class", {t: tokenizer(VOCABULARY, False), c: {"tokenizer_class": "DistilBertTokenizer"}}
    yield "Electra's class", {v: text, c: {"tokenizer_class": "ElectraTokenizerFast", "do_lower_case": False}}
    for name in ("PreTrainedTokenizerFast", "TokenizersBackend", "FooTokenizer"):
        yield f"{name} takes tokenizer.json as it is", {t: tokenizer(VOCABULARY, False, False, False, False, words=7), c: {"tokenizer_class": name}}
    yield "truncation in tokenizer.json is no maximum", {t: tokenizer(VOCABULARY, truncation=truncation), c: bert}
    yield "no maximum", {v: text, c: {"model_max_length": int(1e30)}}
    yield "no maximum as a float", {v: text, c: {"model_max_length": 1e30}}
    yield "the old name of the maximum", {v: text, c: {"max_len": 33}}
    yield "the map beats the configuration", {v: text, c: {"pad_token": "[PAD]"}, s: {"pad_token": "!"}}
    yield "a decoder silences the map", {v: text, c: {"added_tokens_decoder": {"0": entry("[PAD]")}}, s: {"pad_token": "!"}}
    yield "a special token with options", {v: text, c: {"mask_token": {"__type": "AddedToken", **entry("[MASK]", lstrip=True, special=False)}}}
    yield "a special token with options in the map", {v: text, s: {"mask_token": {k: x for k, x in entry("[MASK]", lstrip=True).items() if k != "special"}}}
    yield "no mask token", {v: text, c: {"mask_token": None}}
    yield "renamed special tokens", {v: lines(["<s>" if x == "[CLS]" else x for x in VOCABULARY]), c: {"cls_token": "<s>", "sep_token": "</s>"}}
    yield "special tokens that the vocabulary lacks", {v: lines([x for x in VOCABULARY if x not in SPECIAL or x == "[UNK]"])}
    yield "tokens of other roles", {v: text, c: {"bos_token": "<s>", "eos_token": "</s>", "image_token": "<img>", "add_bos_token": True}}
    yield "additional special tokens", {v: text, c: {"additional_special_tokens": ["<x>", "hello"]}}
    yield "extra special tokens", {v: text, c: {"extra_special_tokens": ["<x>", {"__type": "AddedToken", **entry("<y>", lstrip=True, special=False)}], "additional_special_tokens": ["<z>"]}}
    yield "extra special tokens by role", {v: text, c: {"extra_special_tokens": {"image_token": "<img>"}}}
    yield "additional special tokens in the map", {v: text, s: {"additional_special_tokens": ["<x>", "<y>"]}}
    yield "additional special tokens in both", {v: text, c: {"additional_special_tokens": ["<z>"]}, s: {"additional_special_tokens": ["<x>"]}}
    yield "added tokens in tokenizer.json", {t: tokenizer(VOCABULARY, more=[added(20, "<far>", special=False, normalized=True), added(12, "<near>", special=False, single_word=True, lstrip=True, rstrip=True)]), c: bert}
    yield "added tokens in tokenizer.json, as it is", {t: tokenizer(VOCABULARY, more=[added(12, "<near>", special=False, normalized=True), added(13, "<far>")]), c: {"tokenizer_class": "TokenizersBackend", "mask_token": "<mask>", "unk_token": "[UNK]"}}
    yield "options of special tokens in tokenizer.json", {t: {**tokenizer(VOCABULARY), "added_tokens": [added(4, "[MASK]", lstrip=True, normalized=True)]}}
    yield "added_tokens.json", {v: text, a: {"<b>": 13, "<a>": 12, "[MASK]": 4}}
    yield "added_tokens.json beside tokenizer.json", {t: tokenizer(VOCABULARY, more=[added(13, "<c>", special=False)]), a: {"<b>": 13, "<a>": 12}}
    yield "a decoder", {v: text, c: {"added_tokens_decoder": {"20": entry("<n>", special=False), "7": entry("<m>"), "10": entry("[SEP]", special=False, normalized=True)}}}
    yield "a decoder silences tokenizer.json", {t: tokenizer(VOCABULARY, more=[added(12, "<c>", special=False)]), c: {**bert, "added_tokens_decoder": {"12": entry("<d>", special=False)}}}
    yield "a decoder and additional tokens", {v: text, c: {"additional_special_tokens": ["<x>", "<y>"], "added_tokens_decoder": {"12": entry("<x>", special=False)}}}
    yield "CR LF", {v: lines(VOCABULARY, "\r\n")}
    yield "no final newline", {v: lines(VOCABULARY, last=False)}
    yield "a token twice", {v: lines(VOCABULARY + ["hello", "late"])}
    yield "a token twice, and a new one", {v: lines(VOCABULARY + ["hello"]), c: {"additional_special_tokens": ["<x>"]}}
    yield "white space at ends of lines", {v: lines(["world \t", *SPECIAL, "a b", "x\u3000", "y\u0085z", "\u00a0q\u00a0", "v\x0bw", " lead"])}
    yield "empty lines", {v: lines(VOCABULARY + ["", "x", "", ""])}
    yield "a byte order mark", {v: "\ufeff" + text}


def outcome(folder):
    made = AutoTokenizer.from_pretrained(folder)
    backend = json.loads(made.backend_tokenizer.to_str())
    normalizer, model = backend["normalizer"], backend["model"]
    longest = made.model_max_length
    return {
        "vocabulary": model["vocab"],
        "lowercase": normalizer["lowercase"],
        "stripAccents": normalizer["strip_accents"],
        "tokenizeChineseChars": normalizer["handle_chinese_chars"],
        "cleanText": normalizer["clean_text"],
        "maxInputCharsPerWord": model["max_input_chars_per_word"],
        "addedTokens": backend["added_tokens"],
        "specialTokens": {k: str(v) for k, v in made.special_tokens_map.items()},
        "extraSpecialTokens": [str(x) for x in made.extra_special_tokens],
        "modelMaxLength": None if longest > 1e15 else longest,
    }


def readings():
    cases = []
    for name, files in folders():
        with tempfile.TemporaryDirectory() as folder:
            if "no config" not in name:
                files = {**files, "config.json": CONFIG}
            texts = {n: x if isinstance(x, str) else json.dumps(x, ensure_ascii=False) for n, x in files.items()}
            for file, contents in texts.items():
                pathlib.Path(folder, file).write_bytes(contents.encode())
            cases.append({"name": name, "files": texts, "expected": outcome(folder)})
    return cases


def savings(version):
    tokens = VOCABULARY + ["中", '"', "\\", "\x7f", "a\u2028b", "/", "é"]
    options = [
        {}, {"do_lower_case": False, "model_max_length": 512}, {"strip_accents": False, "tokenize_chinese_chars": False},
        {"cls_token": "hello", "sep_token": "cafe", "model_max_length": 64},
    ]  # fmt: skip
    cases = []
    for arguments in options:
        with tempfile.TemporaryDirectory() as folder:
            vocabulary = pathlib.Path(folder, "vocab.txt")
            vocabulary.write_text(lines(tokens))
            if version == "5":
                made = transformers.BertTokenizer({t: i for i, t in enumerate(tokens)}, **arguments)
            else:
                made = transformers.BertTokenizerFast(str(vocabulary), **arguments)
            out = pathlib.Path(folder, "out")
            made.save_pretrained(out)
            files = {file.name: file.read_bytes().decode() for file in sorted(out.iterdir())}
            cases.append({"tokens": tokens, "arguments": arguments, "files": files})
    return cases


def save(name, cases):
    (OUT / name).write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    assert transformers.__version__ in ("5.23.0", "4.38.2")
    version = transformers.__version__[0]
    if version == "5":
        save("tokenizers.json", readings())
    save(f"saved_{version}.json", savings(version))
