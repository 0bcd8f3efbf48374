"""Values: what torch read from every file that torch ever wrote, casts, and blocks of GGUF."""

import os
import pathlib

import gguf
import numpy
import torch
from common import read_json
from containers_models import foreign_pytorch, gguf_name, write_gguf
from containers_write import convert, same_tensors
from safetensors.torch import load_file, save_file

CASTS = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}


def torch_files(report, work):
    """The oracle's files, written by this torch now: every element type, views, strides, ties, wrappers, old layouts.

    Through npz where NumPy has all the types of a file, and through safetensors always; torch's own reading beside them
    is what counts."""
    out = pathlib.Path(work, "torch-files")
    foreign_pytorch.OUT = out
    foreign_pytorch.main()
    expected = {}
    for key, tensor in load_file(out / "expected.safetensors").items():
        file, name = key.split(":", 1)
        expected.setdefault(file, {})[name] = tensor
    for file, tensors in sorted(expected.items()):
        into = [("safetensors", load_file)]
        if all(numpy_has(tensor) for tensor in tensors.values()):
            into.append(("npz", load_npz))
        for ending, load in into:
            path = os.path.join(work, f"torch-{file}.{ending}")
            answer = convert(report, f"torch's {file}", out / file, path, "--keep-names")
            if answer is None:
                continue
            found = load(path)
            # A tie may be kept as one tensor with the other names told.
            for other, name in answer["ties"].items():
                if other not in found and name in found:
                    found[other] = found[name]
            wrong = same_tensors(*named(found, tensors))
            types = len({tensor.dtype for tensor in tensors.values()})
            report.check(
                f"torch's {file}: {len(tensors)} tensors of {types} types, by {ending}, as torch.load reads them",
                not wrong,
                wrong[:3],
            )


def named(found, tensors):
    """A file that is more than a state dict may have its tensors named from further up: cut what all names share."""
    for prefix in ("", "module.", "state_dict.", "model."):
        longer = {prefix + name: tensor for name, tensor in found.items()}
        if longer.keys() == tensors.keys():
            return longer, tensors
    return found, tensors


def numpy_has(tensor):
    try:
        tensor.numpy()
        return True
    except TypeError:
        return False


def load_npz(path):
    with numpy.load(path, allow_pickle=False) as archive:
        return {name: torch.from_numpy(archive[name]) for name in archive.files}


def extremes():
    """Numbers at which rounding decides: half-way cases, the ends of the ranges, subnormals, infinity, NaN."""
    generator = torch.Generator().manual_seed(5)
    bits = torch.randint(-(2**31), 2**31, (1 << 16,), generator=generator, dtype=torch.int64).to(torch.int32)
    edges = [0.0, 65504.0, 65519.0, 65519.996, 65520.0, 1e5, 6e-8, 2.9802322e-8, 2.9802326e-8, 1e-8, 3.4028235e38]
    edges += [3.3895314e38, 3.3961776e38, 3.396178e38, 1e-45, 1.0, 1.0009765625, 1.00048828125, 1.0014648438]
    edges += [1.00390625, 1.01171875, 6.1035156e-05, 6.097555e-05, float("inf"), float("nan")]
    single = torch.cat([bits.view(torch.float32), torch.tensor(edges), -torch.tensor(edges)])
    ordinary = torch.randn(300, 70, generator=generator) * 0.02
    return {"extremes": single, "ordinary": ordinary, "ids": torch.arange(7), "flags": torch.tensor([True, False])}


def casts(report, work):
    """--dtype gives torch's bits (it rounds doubles to single precision first) and tells how many numbers were lost."""
    single = extremes()
    double = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in single.items()}
    double["fine"] = torch.randn(3000, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    half = {"half": torch.arange(-(2**15), 2**15).to(torch.int16).view(torch.float16)}
    brain = {"brain": torch.arange(-(2**15), 2**15).to(torch.int16).view(torch.bfloat16)}
    for source, tensors, targets in (
        ("F32", single, ("F16", "BF16", "F64")),
        ("F64", double, ("F32", "F16", "BF16")),
        ("F16", half, ("F32", "BF16", "F64")),
        ("BF16", brain, ("F32", "F16", "F64")),
    ):
        path = os.path.join(work, f"cast-{source}.safetensors")
        save_file(tensors, path)
        for target in targets:
            name, out = f"{source} to {target}", os.path.join(work, f"cast-{source}-{target}.safetensors")
            answer = convert(report, name, path, out, "--dtype", target, "--keep-names")
            if answer is None:
                continue
            found, told = load_file(out), {entry["name"]: entry for entry in answer["casts"]}
            for key, tensor in tensors.items():
                cast = tensor.to(CASTS[target]) if tensor.is_floating_point() else tensor
                report.check(f"{name}: {key} has torch's bits", same_numbers(found[key], cast))
                if not tensor.is_floating_point():
                    continue
                before, after = tensor.double().numpy(), cast.double().numpy()
                counts = dict(
                    overflows=int((numpy.isfinite(before) & numpy.isinf(after)).sum()),
                    vanished=int(((before != 0) & (after == 0)).sum()),
                )
                entry = told.get(key, dict(overflows=0, vanished=0))
                report.same(f"{name}: {key}: the counts are NumPy's", {k: entry[k] for k in counts}, counts)


def same_numbers(ours, theirs):
    """Bit for bit, but any NaN is as good as another."""
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return False
    bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[ours.element_size()]
    equal = ours.view(bits) == theirs.view(bits)
    return bool((equal | (torch.isnan(ours) & torch.isnan(theirs))).all() if ours.is_floating_point() else equal.all())


def quantised(report, folder, work):
    """Blocks of GGUF: theirs read by us as gguf-py reads them, ours read by gguf-py, near enough to the original."""
    state, config = load_file(os.path.join(folder, "model.safetensors")), read_json(folder, "config.json")
    q = gguf.GGMLQuantizationType
    for kind in (q.Q8_0, q.Q4_0, q.Q4_1, q.Q5_0, q.Q5_1):
        path, out = os.path.join(work, f"theirs-{kind.name}.gguf"), os.path.join(work, f"theirs-{kind.name}.npz")
        write_gguf(state, config, path, kind)
        # Left as it is, a block stays a block where the format has it, and is written out where it has not.
        if convert(report, f"GGUF {kind.name}", path, out, "--keep-names") is not None:
            compare_blocks(report, f"gguf-py's {kind.name}", path, load_npz(out), config)
    for kind, steps in ((q.Q8_0, 127), (q.Q4_0, 8)):
        path, out = os.path.join(work, f"ours-{kind.name}.gguf"), os.path.join(work, f"ours-{kind.name}.npz")
        if convert(report, f"GGUF {kind.name}", folder, path, "--dtype", kind.name) is None:
            continue
        found = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
        blocks = [tensor for tensor in found.values() if tensor.tensor_type == kind]
        report.check(f"our {kind.name}: holds blocks", len(blocks) > 5, len(blocks))
        if convert(report, f"GGUF {kind.name}", path, out, "--keep-names") is not None:
            compare_blocks(report, f"our {kind.name}", path, load_npz(out), config)
        quantisation_error(report, f"our {kind.name}", path, state, config, kind, steps)


def compare_blocks(report, name, path, ours, config):
    ours = {gguf_name(key, config["num_hidden_layers"]): tensor for key, tensor in ours.items()}
    wrong, found = [], {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for key, tensor in found.items():
        theirs = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        if key not in ours or ours[key].numpy().astype(numpy.float32).tobytes() != theirs.tobytes():
            wrong.append(key)
    report.check(f"{name}: {len(found)} tensors as gguf-py reads them, bit for bit", not wrong, wrong[:3])


def quantisation_error(report, name, path, state, config, kind, steps):
    """Half a step of each block's scale, with the scale's own rounding to half precision, is what a block can lose."""
    found, worst = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}, 0.0
    same_as_theirs, many = 0, 0
    for key, tensor in state.items():
        ours = found[gguf_name(key, config["num_hidden_layers"])]
        if ours.tensor_type != kind:
            continue
        many += 1
        original = tensor.numpy()
        same_as_theirs += ours.data.tobytes() == gguf.quants.quantize(original, kind).tobytes()
        lost = numpy.abs(gguf.quants.dequantize(ours.data, kind) - original).reshape(-1, 32)
        largest = numpy.abs(original).reshape(-1, 32).max(1, keepdims=True)
        # Q4_0 has 7 steps on the side opposite to the block's largest: there it may lose a whole one.
        step = largest / steps
        worst = max(worst, float((lost / step).max()))
    allowed = 0.5 + 0.1 if kind == gguf.GGMLQuantizationType.Q8_0 else 1.0 + 0.01
    report.check(f"{name}: loses at most {allowed} of a step", worst <= allowed, f"{worst:.3f}")
    report.same(f"{name}: the blocks are those gguf-py makes", same_as_theirs, many)
