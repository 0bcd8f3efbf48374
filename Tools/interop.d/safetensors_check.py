#!/usr/bin/env python3
"""safetensors both ways: our bytes against the reference writer's, and files of other writers opened here.

    python3 Tools/interop.d/safetensors_check.py EXPORT_FOLDER BASE_FOLDER WORK_FOLDER [WRITTEN_FOLDER ...]

WRITTEN_FOLDERs are what safetensors_write.py made, one for each version of transformers.
"""

import glob
import json
import math
import os
import shutil
import struct
import sys

from common import PROBES, Report, ckpt_json, guarded, quiet, read_json

quiet()

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.uint16: "U16",
    torch.uint32: "U32",
    torch.uint64: "U64",
}


def header(path):
    """Names, types, shapes and places straight from the bytes: places count from the start of the file."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entries = json.loads(file.read(length))
    metadata = entries.pop("__metadata__", None) or {}
    return metadata, {
        name: dict(
            name=name,
            dtype=e["dtype"],
            shape=e["shape"],
            bytes=e["data_offsets"][1] - e["data_offsets"][0],
            file=os.path.basename(path),
            offset=8 + length + e["data_offsets"][0],
        )
        for name, e in entries.items()
    }


def inspected(report, name, path, files):
    """`ckpt inspect` of a file or folder must show exactly what the headers of its files say."""
    (shown,) = ckpt_json("inspect", path)
    expected, metadata = {}, {}
    for file in files:
        more, tensors = header(file)
        metadata.update(more)
        expected.update(tensors)
    keys = ("name", "dtype", "shape", "bytes", "file", "offset")
    plain = lambda tensor: {k: os.path.basename(tensor[k]) if k == "file" else tensor[k] for k in keys}
    tensors = {t["name"]: plain(t) for t in shown["tensors"]}
    report.same(f"{name}: inspect names every tensor", sorted(tensors), sorted(expected))
    wrong = [(tensors[n], expected[n]) for n in expected if n in tensors and tensors[n] != expected[n]]
    report.check(f"{name}: inspect gives dtype, shape, bytes, file and offset", not wrong, wrong[:1])
    count = lambda entry: math.prod(entry["shape"])
    floats = sum(count(e) for e in expected.values() if not e["name"].endswith("position_ids"))
    report.check(
        f"{name}: inspect counts the parameters",
        shown["parameters"] in (floats, sum(map(count, expected.values()))),
        shown["parameters"],
    )
    if len(files) == 1:
        report.same(f"{name}: inspect shows the metadata", shown["metadata"], metadata)


def same_bytes(report, name, path, work):
    """The reference writer, given the tensors and the metadata of our file, must write our file."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    again = os.path.join(work, "again.safetensors")
    save_file(load_file(path), again, metadata)
    with open(path, "rb") as ours, open(again, "rb") as theirs:
        report.check(f"{name}: byte-identical to the reference writer's", ours.read() == theirs.read())
    report.same(
        f"{name}: file mode follows the umask", oct(os.stat(path).st_mode & 0o777), oct(0o666 & ~umask())
    )


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def foreign_files(report, work):
    generator = torch.Generator().manual_seed(3)
    everything = {
        f'tensor {code} é/"\\': torch.randint(0, 2, (3, 5), generator=generator).to(dtype)
        for dtype, code in DTYPES.items()
    }
    everything.update(
        {"scalar": torch.tensor(1.5), "empty": torch.zeros(2, 0), "odd": torch.zeros(7, dtype=torch.uint8)}
    )
    path = os.path.join(work, "dtypes.safetensors")
    save_file(everything, path, {"format": "pt", "note": 'line\nbreak "quoted"'})
    inspected(report, f"{len(DTYPES)} dtypes", path, [path])

    path = os.path.join(work, "mlx.safetensors")
    data = {"b.weight": b"\1\2\3", "a.weight": struct.pack("<4f", 1, 2, 3, 4)}
    text = json.dumps(
        {
            "__metadata__": None,
            "b.weight": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
            "a.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [3, 19]},
        },
        separators=(",", ":"),
    )
    text += " " * ((5 - len(text)) % 8)  # anything but a multiple of 8, as MLX does not pad
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text.encode() + b"".join(data.values()))
    inspected(report, "as MLX writes: unpadded, metadata null, unaligned", path, [path])

    path = os.path.join(work, "none.safetensors")
    save_file({}, path)
    inspected(report, "no tensors", path, [path])


def copies(report, export, work):
    """The same weights under other names must give the same logits."""
    source = load_file(os.path.join(export, "model.safetensors"))
    old = lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
        "LayerNorm.bias", "LayerNorm.beta"
    )
    bare = lambda name: name[5:] if name.startswith("bert.") else name
    expected = [a["logits"] for a in ckpt_json("predict", export, *PROBES)]
    for name, rename, extra in (
        ("LayerNorm.gamma and .beta", old, {}),
        ("no bert. prefix", bare, {}),
        (
            "both, and a stray position_ids",
            lambda n: old(bare(n)),
            {"embeddings.position_ids": torch.arange(512)[None]},
        ),
    ):
        folder = os.path.join(work, "renamed")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(export, folder, ignore=shutil.ignore_patterns("checkpoint-*", "model.safetensors"))
        save_file(
            {**{rename(n): t for n, t in source.items()}, **extra},
            os.path.join(folder, "model.safetensors"),
            {"format": "pt"},
        )
        logits = [a["logits"] for a in ckpt_json("predict", folder, *PROBES)]
        report.close(f"{name}: the same logits", sum(logits, []), sum(expected, []), 1e-6)


def written(report, folder):
    version = os.path.basename(folder)
    for name in sorted(os.listdir(folder)):
        path, title = os.path.join(folder, name), f"{name} by transformers {version}"
        files = sorted(glob.glob(os.path.join(path, "*.safetensors")))
        report.check(
            f"{title}: {len(files)} weight files", len(files) > 1 if name == "sharded" else len(files) == 1
        )
        inspected(report, title, path, files)
        logits = [a["logits"] for a in ckpt_json("predict", path, *PROBES)]
        report.close(f"{title}: logits", sum(logits, []), sum(read_json(path, "logits.json"), []), 1e-5)


def main():
    export, base, work, *others = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    report = Report("safetensors")
    for path in [os.path.join(export, "model.safetensors")] + sorted(
        glob.glob(os.path.join(export, "checkpoint-*", "model.safetensors"))
    )[-1:]:
        same_bytes(report, os.path.relpath(path, export), path, work)
    base_file = os.path.join(base, "model.safetensors")
    inspected(report, "the base checkpoint's file", base_file, [base_file])
    foreign_files(report, work)
    copies(report, export, work)
    for folder in others:
        written(report, folder)
    report.finish()


if __name__ == "__main__":
    guarded(main)
