#!/usr/bin/env python3
"""JSON as Python writes it, and config.json as transformers writes it.

    python3 Tools/oracle/modelfiles_json.py [OUTPUT_FOLDER]          (default Fixtures/modelfiles)

Run in both environments (Tools/requirements); each writes its own file:

  Python 3.11, transformers 5.23.0   json.json       documents and what json.dumps makes of them; floats, as the hexadecimal
                                                     digits of their bits, with their repr
                                     config_5.json   configurations, and what BertConfig makes of them
  transformers 4.38.2                config_4.json   configurations
"""

import json
import pathlib
import random
import struct
import sys
import tempfile

import transformers
from transformers import BertConfig

OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "Fixtures/modelfiles"
DOCUMENTS = [
    {}, [], "", None, True, False, 0, -1, 10**30, 1.0, -0.0, 1e-5, 1e16, 1e400, [[]], [{}], {"": {}},
    {"b": 1, "a": [1, 2.5, None], "é": "é", "e\u0301": "\u2028\x7f/\\\"\n\t\r\b\f\x00\x1f", "😀": "😀\uffff\ud7ff"},
    {"Z": 1, "a": 2, "\uffff": 3, "😀": 4, "ab": 5, "a\x00": 6}, [1, [2, [3, [4, {"x": [5]}]]]],
]  # fmt: skip


def floats():
    generator = random.Random(5)
    values = [0.0, -0.0, 1.0, 0.1, 1e-4, 9.999e-5, 1e-5, 1e15, 1e16, 9999999999999998.0, 12345678901234567.0, 2.0**53, 2.0**54,
              2.0**54 + 4, -2.0**54, 1.5e16, 1e17, 1e21, 1e22, 5e-324, 1.7976931348623157e308, 1e-12, 0.02, 3e-05]  # fmt: skip
    values += [struct.unpack("<d", generator.randbytes(8))[0] for _ in range(300)]
    values += [generator.uniform(-1, 1) * 10 ** generator.randint(-8, 20) for _ in range(300)]
    values += [float(generator.randint(0, 2**60)) for _ in range(100)]
    return [[struct.pack(">d", value).hex(), json.dumps(value)] for value in values]


def texts(document):
    return {
        "document": json.dumps(document, ensure_ascii=False),
        "indented": json.dumps(document, indent=2),
        "sorted": json.dumps(document, indent=2, sort_keys=True),
        "unicode": json.dumps(document, indent=2, ensure_ascii=False),
        "oneLine": json.dumps(document),
        "compact": json.dumps(document, separators=(",", ":"), ensure_ascii=False),
    }


def configurations():
    labels = {"id2label": {i: f"class {i}" for i in range(12)}, "label2id": {f"class {i}": i for i in range(12)}}
    options = [{}, labels, {"problem_type": "regression", "num_labels": 1, "hidden_dropout_prob": 0.0, "layer_norm_eps": 1e-05},
               {"_name_or_path": "naïve/π", "id2label": {0: "é", 1: "😀"}, "label2id": {"é": 0, "😀": 1}, "initializer_range": 1.0}]  # fmt: skip
    cases = []
    for arguments in options:
        with tempfile.TemporaryDirectory() as folder:
            BertConfig(**arguments).save_pretrained(folder)
            cases.append(pathlib.Path(folder, "config.json").read_bytes().decode())
    return cases


def save(name, value):
    (OUT / name).write_text(json.dumps(value, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    version = transformers.__version__
    assert version in ("5.23.0", "4.38.2")
    if version[0] == "5":
        save("json.json", {"documents": [texts(document) for document in DOCUMENTS], "floats": floats()})
    save(f"config_{version[0]}.json", configurations())
