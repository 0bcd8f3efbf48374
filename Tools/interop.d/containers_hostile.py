"""Files that lie or attack: refused with one line that names the cause, by no signal, in little memory.

A file whose headers are sound passes `inspect`, which reads no more; `verify` reads everything.
"""

import io
import json
import os
import re
import struct
import warnings
import zipfile

import numpy
import torch
from containers_models import foreign_pytorch
from running import run

# Bytes, with the stacks of the threads; each file is a few kB.
MEMORY = 200_000_000


def attack(module, name, argument="echo owned"):
    """A protocol 2 pickle that calls module.name(argument) when it is loaded, and leaves a state dict behind."""
    text = argument.encode()
    call = b"c" + module.encode() + b"\n" + name.encode() + b"\nX" + struct.pack("<I", len(text)) + text + b"\x85R"
    return b"\x80\x02" + call + b"0}."


def archive(data, compression=zipfile.ZIP_STORED, more=(), top="archive/"):
    """A zip as torch.save lays it out, around any data.pkl."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, content in [("data.pkl", data), ("byteorder", b"little"), *more, ("version", b"3\n")]:
            file.writestr(top + name, content)
    return out.getvalue()


def tensor_pickle(numel, size, stride, key=b"0", storage=b"FloatStorage"):
    """{'w': tensor} with any claim about its storage."""

    number = lambda value: b"\x8a\x08" + struct.pack("<q", value)
    numbers = lambda values: b"(" + b"".join(map(number, values)) + b"t"
    text = lambda word: b"X" + struct.pack("<I", len(word)) + word
    pid = b"(" + text(b"storage") + b"ctorch\n" + storage + b"\n" + text(key) + text(b"cpu") + number(numel) + b"tQ"
    rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n(" + pid + number(0) + numbers(size) + numbers(stride)
    return b"\x80\x02}" + text(b"w") + rebuilt + b"\x89ccollections\nOrderedDict\n)RtRs."


def flipped(data, offset):
    return data[:offset] + bytes([data[offset] ^ 0xFF]) + data[offset + 1 :]


def saved(state, legacy=False):
    out = io.BytesIO()
    torch.save(state, out, _use_new_zipfile_serialization=not legacy)
    return out.getvalue()


def pickles():
    """Name -> (file name, bytes, what the error must say, whether inspect must refuse it too)."""
    legacy_head = foreign_pytorch.dump(0x1950A86A20F9469CFC6C)
    found = {
        "os.system in a zip": (archive(attack("os", "system")), r"os\.system|posix\.system"),
        "posix.system, legacy": (legacy_head + b"\x80\x02M\xe9\x03." + attack("posix", "system"), r"posix\.system"),
        "builtins.eval": (archive(attack("builtins", "eval", "1")), r"builtins\.eval"),
        "a name of torch that weights do not need": (archive(attack("torch.hub", "load")), r"torch\.hub\.load"),
        "a submodule of a denied module (CVE-2025-10157)": (
            archive(attack("asyncio.unix_events", "_UnixSubprocessTransport._start")),
            r"asyncio\.unix_events",
        ),
        "hidden behind a getattr": (archive(attack("builtins", "getattr")), r"builtins\.getattr"),
        "the magic number is made by eval (picklescan: pytorch_magic_bypass)": (
            attack("builtins", "eval", str(0x1950A86A20F9469CFC6C)).replace(b"0}.", b".") + attack("os", "system"),
            r"builtins\.eval|pickle",
        ),
        "protocol 4 with STACK_GLOBAL": (
            archive(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R."),
            r"SHORT_BINUNICODE|STACK_GLOBAL|protocol",
        ),
        "INST": (archive(b"\x80\x02(X\x02\x00\x00\x00idios\nsystem\n."), r"INST|0x69|os\.system"),
        "EXT1": (archive(b"\x80\x02\x82\x01."), r"EXT1|0x82"),
        "broken after the attack has run": (archive(attack("os", "system")[:-1]), r"os\.system"),
        "a pickle of 1 kB with a text of 4 GB": (archive(b"\x80\x02X\xff\xff\xff\xff" + bytes(1000)), r"data\.pkl"),
        "memo doubled 60 times": (
            archive(b"\x80\x02)q\x00" + b"".join(b"h%c\x86q%c" % (i, i + 1) for i in range(60)) + b"."),
            r".",
        ),
        "a call torch allows, on what is no tensor": (archive(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R."), r"."),
    }
    return {name: ("pytorch_model.bin", data, cause, True) for name, (data, cause) in found.items()} | {
        "a pickle under another ending (CVE-2025-10155)": ("model.safetensors", attack("os", "system"), r".", True),
        "the same, as .npz": ("model.npz", archive(attack("os", "system")), r".", True),
        "the same, as .gguf": ("model.gguf", attack("os", "system"), r".", True),
    }


def archives():
    state = {"w": torch.arange(64.0), "b": torch.ones(8)}
    good, old = saved(state), saved(state, legacy=True)
    payload = good.index(struct.pack("<2f", 1, 2)) - 4
    floats, page = struct.pack("<6f", *range(6)), b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"
    twice = archive(tensor_pickle(6, (6,), (1,)), more=[("data/0", floats)])
    double = io.BytesIO(twice)
    with zipfile.ZipFile(double, "a") as file, warnings.catch_warnings(action="ignore"):
        file.writestr("archive/data/0", bytes(24))
    local = twice.replace(b"archive/data/0", b"archive/data/9", 1)  # the local header, and not the directory's
    encrypted = bytearray(twice)
    central = twice.rindex(b"PK\x01\x02", 0, twice.index(b"PK\x01\x02") + 4)
    encrypted[6] |= 1
    encrypted[central + 8] |= 1
    short = archive(tensor_pickle(6, (6,), (1,)), more=[("data/0", floats[:-4])])
    wide = archive(tensor_pickle(6, (10**12,), (0,)), more=[("data/0", floats)])
    outside = archive(tensor_pickle(6, (7,), (1,)), more=[("data/0", floats)])
    escaping = archive(tensor_pickle(6, (6,), (1,), b"../0"), more=[("data/0", floats)])
    many = 10**9 // 4
    bomb = archive(tensor_pickle(many, (many,), (1,)), zipfile.ZIP_DEFLATED, [("data/0", bytes(3 * 10**7))])
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 440473133\n"
    return {
        "CRC of a tensor wrong (CVE-2025-10156)": (flipped(good, payload), r"CRC|checksum", False),
        "CRC of data.pkl wrong": (flipped(good, good.index(b"_rebuild_tensor_v2") + 9), r"CRC|checksum", True),
        "zip cut short": (good[: len(good) // 2], r"zip|archive|end", True),
        "legacy stream cut short": (old[:-40], r"end|short|byte|storage", True),
        "a page of HTML": (page, r"HTML", True),
        "a pointer of Git LFS": (pointer, r"(?i)lfs", True),
        "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(200), r"(?i)7z|7-zip|not a checkpoint|no checkpoint|kind", True),
        "an empty file": (b"", r"empty|no bytes|0 bytes|short", True),
        "two entries of one name": (double.getvalue(), r"twice|two", True),
        "local header with another name (GHSA-7q5r-7gvp-wc82)": (local, r"local|header|name|director", False),
        "encrypted flag (GHSA-w8jq-xcqf-f792)": (bytes(encrypted), r"encrypt", True),
        "a record shorter than the tensor": (short, r"byte|storage|element", True),
        "a stride of 0 over 10^12 elements": (wide, r"element|large|storage", True),
        "a view that leaves its storage": (outside, r"storage|element|outside|beyond", True),
        "a key that leaves the archive": (escaping, r"key|identifier|\.\./0", True),
        "a bomb": (bomb, r"byte|storage|element|expan|unpack", True),
        "no version": (archive(b"\x80\x02}.").replace(b"archive/version", b"archive/verzion"), r"version", True),
    }


def others(work):
    """Formats beside PyTorch's."""
    place = os.path.join(work, "sound")
    os.makedirs(place, exist_ok=True)
    array = numpy.arange(64, dtype=numpy.float32)
    numpy.savez(os.path.join(place, "x.npz"), w=array)
    numpy.savez(os.path.join(place, "o.npz"), w=numpy.array([{"a": 1}], dtype=object))
    with open(os.path.join(place, "x.npz"), "rb") as file:
        npz = file.read()
    with open(os.path.join(place, "o.npz"), "rb") as file:
        objects = file.read()
    gguf_head = lambda tensors, pairs: b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs)
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    doubled = header[:-1] + b"," + header[1:]
    wrap = lambda text, data: struct.pack("<Q", len(text)) + text + data
    return {
        "npz of objects": ("x.npz", objects, r"object|pickle|\|O", False),
        "npz with a wrong CRC": ("x.npz", flipped(npz, npz.index(struct.pack("<2f", 5, 6))), r"CRC|checksum", False),
        "GGUF of 2^63 tensors": ("x.gguf", gguf_head(2**63, 0), r"tensor|count|end", True),
        "GGUF of 2^40 keys": ("x.gguf", gguf_head(0, 2**40), r"key|count|pair|end", True),
        "GGUF, a text past its end": ("x.gguf", gguf_head(0, 1) + struct.pack("<Q", 2**60) + b"ab", r"end|byte", True),
        "safetensors cut short": ("x.safetensors", wrap(header, bytes(4)), r"byte|end", True),
        "safetensors with a name twice": ("x.safetensors", wrap(doubled, bytes(8)), r"two entries .* 'w'", True),
        "safetensors with a header of 2^64 - 1": ("x.safetensors", b"\xff" * 8 + b"{}", r"header", True),
    }


def bundles(work, prefix):
    """A sound bundle of TensorFlow's with one byte changed, in its table and in its data."""
    with open(prefix + ".index", "rb") as file:
        index = file.read()
    with open(prefix + ".data-00000-of-00001", "rb") as file:
        data = file.read()
    for name, table, values, refuses in (
        ("TensorFlow: a byte of the table", flipped(index, 40), data, True),
        ("TensorFlow: the magic number", flipped(index, len(index) - 1), data, True),
        ("TensorFlow: a byte of the data", index, flipped(data, len(data) // 2), False),
        ("TensorFlow: data cut short", index, data[:-4], True),
    ):
        folder = os.path.join(work, name.replace(": ", "-").replace(" ", "-"))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "model.ckpt.index"), "wb") as file:
            file.write(table)
        with open(os.path.join(folder, "model.ckpt.data-00000-of-00001"), "wb") as file:
            file.write(values)
        yield name, os.path.join(folder, "model.ckpt.index"), r"CRC|checksum|magic|end|byte|short|shard", refuses


def refused(report, name, path, cause, inspect_too):
    limits = dict(memory=MEMORY, cpu_seconds=20)
    shown, verified = run("inspect", path, **limits), run("verify", path, "--json", **limits)
    problems = []
    lines = [line for line in shown.error.split("\n") if line]
    if inspect_too:
        if shown.code != 2:
            problems.append(f"inspect exits with {shown.code}, expected 2")
        if len(lines) != 1 or not lines[0].startswith("error: "):
            problems.append(f"inspect says {lines}, expected one line `error: …`")
        elif not re.search(cause, lines[0]):
            problems.append(f"inspect's line does not name the cause, {cause!r}: {lines[0]}")
    elif shown.code not in (0, 2):
        problems.append(f"inspect exits with {shown.code}, expected 0 or 2")
    if verified.code != 1:
        problems.append(f"verify exits with {verified.code}, expected 1: {verified.error}")
    else:
        errors = [f["message"] for f in verified.answer["findings"] if f["severity"] == "error"]
        if not any(re.search(cause, message) for message in errors):
            problems.append(f"verify does not name the cause, {cause!r}: {errors}")
    report.check(f"refused: {name}", not problems, "; ".join(problems))


def hostile(report, work, bundle):
    os.makedirs(work, exist_ok=True)
    cases = pickles() | {n: ("pytorch_model.bin", *rest) for n, rest in archives().items()} | others(work)
    for number, (name, (file, data, cause, inspect_too)) in enumerate(cases.items()):
        folder = os.path.join(work, str(number))
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, file)
        with open(path, "wb") as out:
            out.write(data)
        refused(report, name, path, cause, inspect_too)
    if bundle:
        for case in bundles(work, bundle):
            refused(report, *case)
