#!/usr/bin/env python3
"""Files of the reference safetensors writer and of transformers, for reading and for byte comparison.

    python3 Tools/oracle/safetensors_files.py [OUTPUT_FOLDER]          (default Fixtures/safetensors)

Made with safetensors 0.8.0, torch 2.15.0, transformers 5.23.0 (Tools/requirements/a.txt).

  dtypes.safetensors        every element type that the Python writer can name, two tensors each, in an order and with
                            names (escapes, non-ASCII, control characters) that exercise sorting and quoting
  metadata.safetensors      one tensor and one metadata key with escapes in both; an empty and a scalar tensor
  empty.safetensors         no tensor, no metadata
  mlx.safetensors           as MLX writes: `"__metadata__":null`, an unpadded header, tensors out of name order
  sharded/                  a tiny BertModel that transformers saved in shards, with config.json
  sharded.json              the names of its tensors in the order of the state dict, the shard size, and `splits`: how
                            huggingface_hub splits tensors of random sizes, as indices
"""

import ctypes
import json
import pathlib
import random
import shutil
import struct
import sys

import huggingface_hub
import safetensors
import torch
import transformers
from safetensors import TensorSpec, serialize

OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "Fixtures/safetensors"
# The writer's names, with the bits of one element.
DTYPES = {
    "bool": 8, "float4_e2m1fn_x2": 8, "uint8": 8, "int8": 8, "float8_e5m2": 8, "float8_e4m3fn": 8,
    "float8_e8m0fnu": 8, "float8_e4m3fnuz": 8, "float8_e5m2fnuz": 8, "int16": 16, "uint16": 16, "float16": 16,
    "bfloat16": 16, "int32": 32, "uint32": 32, "float32": 32, "complex64": 64, "float64": 64, "int64": 64, "uint64": 64,
}  # fmt: skip
ODD_NAMES = ["é", "e\u0301", "a/b", 'quote"', "back\\slash", "new\nline", "tab\t", "bell\x07", "del\x7f", "ls\u2028", "😀", "Z", "a", ""]


def write(path, tensors, metadata=None):
    """tensors: name -> (dtype, shape, bytes)"""
    keep = {name: ctypes.create_string_buffer(data, max(1, len(data))) for name, (_, _, data) in tensors.items()}
    specs = {
        name: TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(keep[name]), data_len=len(data))
        for name, (dtype, shape, data) in tensors.items()
    }
    path.write_bytes(serialize(specs, metadata))


def pattern(count, seed):
    return bytes((seed * 31 + i * 7) % 256 for i in range(count))


def dtypes():
    tensors = {}
    for index, (dtype, bits) in enumerate(DTYPES.items()):
        for part, shape in (("b", [3]), ("a", [2, 2])):
            count = shape[0] * (shape[1] if len(shape) > 1 else 1) * bits // 8
            tensors[f"{dtype}.{part}"] = (dtype, shape, pattern(count, index))
    for index, name in enumerate(ODD_NAMES):
        tensors[name] = ("uint16", [2], pattern(4, index))
    write(OUT / "dtypes.safetensors", tensors, {"format": "pt"})


def mlx():
    header = (
        '{"__metadata__":null,"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},'
        '"b":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}}'
    ).encode()
    assert len(header) % 8 != 0
    data = struct.pack("<6f", 1, 2, 3, 4, 5, 6)
    (OUT / "mlx.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)
    with safetensors.safe_open(OUT / "mlx.safetensors", "pt") as file:  # the reference accepts it
        assert file.get_tensor("b").tolist() == [5, 6]


def sharded():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=24, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16,
    )  # fmt: skip
    model = transformers.BertModel(config)
    folder = OUT / "sharded"
    shutil.rmtree(folder, ignore_errors=True)
    limit = 9_000
    model.save_pretrained(folder, max_shard_size=limit)
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors 0.8 leaves 0600
    names = list(model.state_dict())
    document = {"maximumShardByteCount": limit, "names": names, "splits": splits()}
    (OUT / "sharded.json").write_text(json.dumps(document) + "\n")


def splits():
    generator = random.Random(1)
    cases = []
    for _ in range(40):
        limit = generator.randint(1, 40)
        sizes = [generator.randint(0, 50) for _ in range(generator.randint(1, 12))]
        split = huggingface_hub.split_state_dict_into_shards_factory(
            {str(i): size for i, size in enumerate(sizes)}, get_storage_size=lambda size: size,
            filename_pattern="model{suffix}.safetensors", max_shard_size=limit,
        )  # fmt: skip
        shards = [[int(i) for i in names] for names in split.filename_to_tensors.values()]
        cases.append({"limit": limit, "sizes": sizes, "files": list(split.filename_to_tensors), "shards": shards})
    return cases


if __name__ == "__main__":
    assert safetensors.__version__ == "0.8.0" and transformers.__version__ == "5.23.0"
    OUT.mkdir(parents=True, exist_ok=True)
    dtypes()
    write(OUT / "metadata.safetensors", {"scalar": ("float32", [], pattern(4, 1)), "none": ("int64", [2, 0], b""), "x": ("uint8", [3], b"abc")},
          {'key "\\\x01é': "line\nnext\u2028\x7f/"})  # fmt: skip
    write(OUT / "empty.safetensors", {})
    mlx()
    sharded()
