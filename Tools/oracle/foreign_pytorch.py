#!/usr/bin/env python3
"""Files of torch.save in every container it has had, with what torch reads from them.

    python3 Tools/oracle/foreign_pytorch.py [OUTPUT_FOLDER]          (default Fixtures/pytorch)

Made with torch 2.15.0, transformers 5.23.0, safetensors 0.8.0 (Tools/requirements/a.txt).

  new.bin            a state dict as torch 2.15 writes it: views, ties, empty tensors, scalars, parameters
  dtypes.bin         every element type, the newer ones by _rebuild_tensor_v3
  odd.bin            tensors that are no plain elements: complex128, sparse, quantised, meta, conjugated, a tuple as key
  module.bin         the state dict of a module, with _metadata
  old.bin            the layout of torch 1.6: `archive/data.pkl`, `archive/data/N`, `archive/version`, no byte order
  deflated.bin       the same, compressed
  big.bin            new.bin as a big-endian machine writes it (put together here, then opened by torch)
  legacy.bin         new.bin as torch before 1.6 wrote it
  legacy_dtypes.bin  dtypes.bin likewise, without the newer types
  legacy_views.bin   a stream with storage views, as torch 0.4 wrote them (put together here, then opened by torch)
  python2.bin        an OrderedDict as Python 2 pickled it, with byte strings (put together here, opened by torch)
  tar.bin            the tar file of torch 0.1.1 (put together here, then opened by torch)
  wrapped.bin        {'epoch', 'args', 'state_dict': …}
  training.bin       {'epoch', 'model': …, 'optimizer': …}
  optimizer.pt       an optimiser's state dict
  lone.pt            a tensor and nothing else
  training_args.bin  a pickled TrainingArguments, as the Trainer writes it
  protocol4.pkl      a bare pickle of protocol 4 with STACK_GLOBAL
  sharded/           a state dict in two shards with an index
  expected.safetensors   every tensor of every file as torch reads it, named `file:name`
  expected.json          element type and shape of these; `ties` by the storage's address; the globals of the two pickles
"""

import collections
import io
import json
import pathlib
import pickle
import pickletools
import shutil
import struct
import sys
import tarfile
import warnings
import zipfile

import torch
from safetensors.torch import save_file

warnings.filterwarnings("ignore")
OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "Fixtures/pytorch"
TYPES = [
    "bool", "uint8", "int8", "int16", "uint16", "float16", "bfloat16", "int32", "uint32", "float32", "complex64",
    "float64", "int64", "uint64", "float8_e5m2", "float8_e4m3fn", "float8_e8m0fnu", "float8_e4m3fnuz", "float8_e5m2fnuz",
]  # fmt: skip

# torch writes streams with these, and cannot read them.
NEW_TYPES = [name for name in TYPES if name in ("uint16", "uint32", "uint64") or name.startswith("float8")]


def state_dict():
    w = torch.arange(6.0).reshape(2, 3)
    half = torch.arange(8).to(torch.bfloat16) / 4
    return collections.OrderedDict(
        [
            ("w", w), ("w.transposed", w.t()), ("w.part", w[1:, 1:]), ("w.tied", w), ("w.row", w[1]),
            ("w.expanded", w[:1].expand(4, 3)), ("parameter", torch.nn.Parameter(torch.tensor([0.5, -2.0]))),
            ("half", half), ("half.tied", half), ("half.steps", half[::3]), ("scalar", torch.tensor(3)),
            ("flags", torch.tensor([True, False, True])), ("empty", torch.zeros(0, 4)),
            ("größe", torch.arange(24, dtype=torch.int16).reshape(2, 3, 4).permute(2, 0, 1)),
        ]
    )  # fmt: skip


def dtypes():
    found = collections.OrderedDict()
    for number, name in enumerate(TYPES):
        dtype = getattr(torch, name)
        size = torch.empty(0, dtype=dtype).element_size()
        data = bytes((37 * number + 11 * i + 1) % 256 for i in range(6 * size))
        if name == "bool":
            data = bytes([1, 0, 0, 1, 1, 0])
        found[name] = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype).reshape(3, 2)
    return found


def odd():
    return {
        "plain": torch.ones(2),
        "complex128": torch.zeros(2, dtype=torch.complex128),
        "sparse": torch.eye(2).to_sparse(),
        "quantised": torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8),
        "meta": torch.zeros(3, device="meta"),
        "conjugated": torch.tensor([1 + 2j], dtype=torch.complex64).conj(),
        ("a", 1): torch.ones(1),
        "list": [torch.ones(1), {"deep": torch.ones(2)}, 3],
        "text": "value",
    }


def pack(name, records, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(OUT / name, "w", compression) as z:
        for key, data in records:
            info = zipfile.ZipInfo(key, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            z.writestr(info, data)


def records(name):
    with zipfile.ZipFile(OUT / name) as z:
        return {i.filename.split("/", 1)[1]: z.read(i) for i in z.infolist()}


def storage_sizes(data_pkl):
    """The element size of every storage, by key, from the pickle's persistent identifiers."""
    sizes = {}

    class Reader(pickle.Unpickler):
        def persistent_load(self, pid):
            dtype = pid[1].dtype if hasattr(pid[1], "dtype") else torch.uint8
            sizes[pid[2]] = torch.empty(0, dtype=dtype).element_size()
            return torch.storage.TypedStorage(pid[4], dtype=dtype)

        def find_class(self, module, name):
            if name.endswith("Storage") and module == "torch":
                return getattr(torch, name)
            if name.startswith("_rebuild"):
                return lambda *arguments: None
            return super().find_class(module, name)

    Reader(io.BytesIO(data_pkl)).load()
    return sizes


class Raw(pickle._Pickler):
    """A pickler for hand-made streams: tuples of class Persistent become persistent identifiers."""

    def persistent_id(self, value):
        return value.pid if isinstance(value, Persistent) else None


class Persistent:
    def __init__(self, pid):
        self.pid = pid


class Call:
    """Pickles as a call of a global; with a class of torch in its place when torch checks that it is the same."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def dump(value):
    out = io.BytesIO()
    Raw(out, 2).dump(value)
    return out.getvalue()


def stream(value, storages):
    out = dump(0x1950A86A20F9469CFC6C) + dump(1001)
    out += dump({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}})
    out += dump(value) + dump(sorted(storages))
    for key in sorted(storages):
        out += struct.pack("<q", len(storages[key])) + struct.pack(f"<{len(storages[key])}f", *storages[key])
    return out


def legacy_views():
    whole = [float(i) for i in range(10)]

    def pid(view):
        return Persistent(("storage", torch.FloatStorage, "94316303543648", "cpu", 10, view))

    rebuild = torch._utils._rebuild_tensor
    value = collections.OrderedDict(
        whole=Call(rebuild, pid(None), 0, (10,), (1,)),
        part=Call(rebuild, pid(("94316303543700", 2, 6)), 0, (2, 3), (3, 1)),
        late=Call(rebuild, pid(("94316303543700", 2, 6)), 4, (2,), (1,)),
        same=Call(rebuild, pid(None), 6, (2,), (1,)),
    )
    (OUT / "legacy_views.bin").write_bytes(stream(value, {"94316303543648": whole}))


def python2():
    def text(word):  # SHORT_BINSTRING, which Python 3 does not write
        return b"U" + bytes([len(word)]) + word.encode()

    def tensor(key, count, shape):
        out = b"ctorch._utils\n_rebuild_tensor\n((" + text("storage") + b"ctorch\nFloatStorage\n" + text(key)
        out += text("cpu") + b"K" + bytes([count]) + b"NtQK\x00"
        sizes = b"(" + b"".join(b"K" + bytes([n]) for n in shape) + b"t"
        strides = [int(torch.empty(shape).stride(i)) for i in range(len(shape))]
        return out + sizes + b"(" + b"".join(b"K" + bytes([n]) for n in strides) + b"ttR"

    body = b"\x80\x02ccollections\nOrderedDict\n(]("
    body += b"](" + text("first") + tensor("11", 4, (2, 2)) + b"e"
    body += b"](" + text("second") + tensor("22", 3, (3,)) + b"e"
    body += b"etR."
    pickletools.dis(body, out=io.StringIO())
    whole = stream({}, {"11": [1.0, 2.0, 3.0, 4.0], "22": [5.0, 6.0, 7.0]})
    (OUT / "python2.bin").write_bytes(whole.replace(dump({}), body, 1))


def tar():
    """As `torch/serialization.py` of torch 0.1.1 wrote it, with the times of the members left at 0.5."""
    storages = dump(2)
    storages += dump((100, "cpu", torch.FloatStorage)) + struct.pack("<q6f", 6, *range(6))
    storages += dump((200, "cpu", torch.LongStorage)) + struct.pack("<q2q", 2, 7, -8)
    storages += dump([(101, 100, 2, 4)])
    tensors = dump(4)
    for key, storage, kind, shape, stride, offset in [
        (1, 100, torch.FloatTensor, (2, 3), (3, 1), 0), (2, 101, torch.FloatTensor, (2,), (2,), 1),
        (3, 200, torch.LongTensor, (2,), (1,), 0), (4, 100, torch.FloatTensor, (3, 2), (1, 3), 0),
    ]:  # fmt: skip
        tensors += dump((key, storage, kind)) + struct.pack("<ii", len(shape), 0x55AA55AA)
        tensors += struct.pack(f"<{2 * len(shape) + 1}q", *shape, *stride, offset)
    value = collections.OrderedDict((name, Persistent(key)) for name, key in [("a", 1), ("b", 2), ("c", 3), ("d", 4)])
    value["again"] = Persistent(1)
    members = {"sys_info": dump({"protocol_version": 1000, "little_endian": True}), "pickle": dump(value)}
    with tarfile.open(OUT / "tar.bin", "w", format=tarfile.PAX_FORMAT) as file:
        for name, data in {**members, "storages": storages, "tensors": tensors}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 0.5
            file.addfile(info, io.BytesIO(data))


def big_endian():
    found = records("new.bin")
    sizes = storage_sizes(found["data.pkl"])
    out = [("big/data.pkl", found["data.pkl"]), ("big/byteorder", b"big")]
    for key, size in sizes.items():
        data = found[f"data/{key}"]
        out.append((f"big/data/{key}", b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))))
    pack("big.bin", out + [("big/version", b"3\n")])


def flat(value, prefix=""):
    """The tensors in dictionaries and lists, by names joined with dots."""
    if isinstance(value, torch.Tensor):
        return {prefix[:-1] or "tensor": value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else []
    found = {}
    for key, item in items:
        found.update(flat(item, f"{prefix}{key}."))
    return found


def main():
    torch.manual_seed(0)
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "sharded").mkdir(parents=True)
    torch.save(state_dict(), OUT / "new.bin")
    torch.save(dtypes(), OUT / "dtypes.bin")
    torch.save(odd(), OUT / "odd.bin")
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3)).state_dict(), OUT / "module.bin")
    torch.save(state_dict(), OUT / "legacy.bin", _use_new_zipfile_serialization=False)
    classic = {name: tensor for name, tensor in dtypes().items() if name not in NEW_TYPES}
    torch.save(classic, OUT / "legacy_dtypes.bin", _use_new_zipfile_serialization=False)
    found = records("new.bin")
    keys = sorted(key for key in found if key.startswith("data/"))
    old = [("archive/" + key, found[key]) for key in ["data.pkl", *keys, "version"]]
    pack("old.bin", old)
    pack("deflated.bin", old, zipfile.ZIP_DEFLATED)
    big_endian()
    legacy_views()
    python2()
    tar()
    weights = {"module.weight": torch.ones(2, 2), "module.bias": torch.zeros(2)}
    args = {"lr": 0.1, "name": "run", "layers": [1, 2, 3], "flag": None}
    torch.save({"epoch": 3, "args": args, "best": torch.tensor(0.5), "state_dict": weights}, OUT / "wrapped.bin")
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    torch.save({"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, OUT / "training.bin")
    torch.save(optimizer.state_dict(), OUT / "optimizer.pt")
    torch.save(torch.arange(3.0), OUT / "lone.pt")
    shards = {"a.bin": {"a.w": torch.arange(4.0), "a.b": torch.ones(1)}, "b.bin": {"b.w": torch.zeros(2, 2)}}
    for name, tensors in shards.items():
        torch.save(tensors, OUT / "sharded" / name)
    index = {"metadata": {"total_size": 36}, "weight_map": {k: n for n, s in shards.items() for k in s}}
    (OUT / "sharded/pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2) + "\n")

    from transformers import TrainingArguments

    torch.save(TrainingArguments("run", use_cpu=True, report_to="none"), OUT / "training_args.bin")
    (OUT / "protocol4.pkl").write_bytes(pickle.dumps([collections.OrderedDict(), Call(eval, "1")], 4))

    expected, tensors = {}, {}
    names = "new dtypes module old deflated big legacy legacy_dtypes legacy_views python2 wrapped".split()
    for name in [n + ".bin" for n in names] + ["optimizer.pt", "lone.pt", "training.bin", "tar.bin"]:
        loaded = torch.load(OUT / name, weights_only=name != "tar.bin")
        if name == "wrapped.bin":
            loaded = loaded["state_dict"]
        if name == "training.bin":
            loaded = loaded["model"]
        found = flat(loaded)
        places = collections.defaultdict(list)
        for key, tensor in found.items():
            tensors[f"{name}:{key}"] = tensor.detach().clone().contiguous()
            if tensor.numel():
                places[(tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)].append(key)
        expected[name] = {"names": list(found), "ties": [group for group in places.values() if len(group) > 1]}
    save_file(tensors, OUT / "expected.safetensors")
    (OUT / "expected.safetensors").chmod(0o644)
    for name in ["training_args.bin", "protocol4.pkl"]:
        data = records(name)["data.pkl"] if name.endswith("bin") else (OUT / name).read_bytes()
        found, strings = [], []
        for operation, argument, _ in pickletools.genops(data):
            if operation.name == "GLOBAL":
                found.append(argument.replace(" ", "."))
            elif operation.name == "STACK_GLOBAL":
                found.append(".".join(strings[-2:]))
            elif isinstance(argument, str):
                strings.append(argument)
        expected[name] = {"globals": list(dict.fromkeys(found))}
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
