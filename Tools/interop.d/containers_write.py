"""What `ckpt convert` writes: every format to every other bit for bit, and opened by the library it is meant for."""

import os
import shutil

import gguf
import numpy
import safetensors
import torch
import transformers
from common import read_json
from containers_models import gguf_name, outputs, same_outputs
from containers_read import root
from running import run
from safetensors.torch import load_file

FORMATS = ["safetensors", "pytorch", "npz", "gguf", "tf1"]
FILES = dict(
    safetensors="model.safetensors",
    pytorch="pytorch_model.bin",
    npz="model.npz",
    gguf="model.gguf",
    tf1="bert_model.ckpt.index",
    onnx="model.onnx",
)


def convert(report, name, source, out, *options):
    """A folder or file written anew; its answer, or None with the failure reported."""
    shutil.rmtree(out, ignore_errors=True)
    done = run("convert", source, out, "--force", "--json", *options)
    if done.code != 0:
        report.check(f"{name}: convert", False, f"exit {done.code}: {done.error}")
        return None
    return done.answer


def every_pair(report, model, folder, work, formats):
    """format -> format of one model, which includes each way back; the roots must all be the model's."""
    expected, written, wrong = root(folder), {}, {}
    for target in formats:
        written[target] = os.path.join(work, f"as-{target}")
        if convert(report, f"{model} to {target}", folder, written[target], "--to", target) is None:
            return {}
    for source in formats:
        for target in formats:
            out = os.path.join(work, "again")
            shutil.rmtree(out, ignore_errors=True)
            done = run("convert", written[source], out, "--to", target)
            found = root(out) if done.code == 0 else f"exit {done.code}: {done.error}"
            if found != expected:
                wrong[f"{source} to {target}"] = found
            elif target == "safetensors":
                with open(os.path.join(folder, "model.safetensors"), "rb") as theirs:
                    with open(os.path.join(out, "model.safetensors"), "rb") as ours:
                        if ours.read() != theirs.read():
                            wrong[f"{source} to {target}"] = "not byte for byte the file of save_pretrained"
    pairs = len(formats) ** 2
    report.check(f"{model}: {pairs} conversions of {', '.join(formats)}, bit for bit", not wrong, wrong)
    return written


def from_pretrained(report, model_name, original, written):
    """transformers opens our folders, warns of nothing and computes the same bits."""
    expected, tensors = outputs(original), load_file(os.path.join(written["safetensors"], "model.safetensors"))
    for name in ("safetensors", "pytorch"):
        loaded, info = type(original).from_pretrained(written[name], output_loading_info=True)
        told = {key: value for key, value in info.items() if value and key != "error_msgs"}
        report.check(f"{model_name}: from_pretrained of our {name} folder misses nothing", not told, told)
        report.check(
            f"{model_name}: from_pretrained of our {name} folder gives the same bits",
            same_outputs(outputs(loaded.eval()), expected),
        )
    with safetensors.safe_open(os.path.join(written["safetensors"], "model.safetensors"), "pt") as file:
        report.same(f"{model_name}: safe_open: its metadata", file.metadata(), {"format": "pt"})
        report.same(f"{model_name}: safe_open: its names", sorted(file.keys()), sorted(tensors))
    return tensors


def same_tensors(ours, theirs):
    """Names of the tensors that are not the same, bit for bit and by element type."""
    alike = lambda a, b: a.dtype == b.dtype and a.shape == b.shape and same_bits(a, b)
    both = ours.keys() & theirs.keys()
    return sorted(ours.keys() ^ theirs.keys()) + sorted(n for n in both if not alike(ours[n], theirs[n]))


def same_bits(a, b):
    plain = lambda t: t.detach().contiguous().reshape(-1).view(torch.uint8)
    return a.numel() == b.numel() and (a.numel() == 0 or torch.equal(plain(a), plain(b)))


def torch_loads(report, name, path, expected):
    """Every way that torch.load has."""
    for mode in (dict(weights_only=True), dict(weights_only=True, mmap=True), dict(weights_only=False)):
        words = ", ".join(f"{key}={value}" for key, value in mode.items())
        found = torch.load(path, map_location="cpu", **mode)
        wrong = same_tensors(dict(found), expected)
        report.check(f"{name}: torch.load({words})", not wrong, wrong[:3])
    aligned = all(tensor.data_ptr() % 64 == 0 for tensor in torch.load(path, mmap=True).values() if tensor.numel())
    report.check(f"{name}: mapped storages lie at multiples of 64", aligned)


def ties(report, work, legacy):
    """transformers 4 wrote the decoder's weight and the embeddings on one storage; --keep-names keeps the tie."""
    pair = ["bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"]
    out = os.path.join(work, "tied.bin")
    if convert(report, "tied", legacy, out, "--keep-names") is not None:
        found = torch.load(out, weights_only=True)
        if report.check("tied: both names", all(name in found for name in pair), sorted(found)[:5]):
            report.same("tied: one data_ptr", *(found[name].data_ptr() for name in pair))
        report.same("tied: the root does not change", root(out), root(legacy))
    kept = os.path.join(work, "tied.safetensors")
    if convert(report, "tied", legacy, kept, "--keep-names") is not None:
        tensors = load_file(kept)
        with safetensors.safe_open(kept, "pt") as file:
            metadata = file.metadata() or {}
        there = [name for name in pair if name in tensors]
        report.check(
            "tied: safetensors holds the one and names the other",
            len(there) == 2 or any(metadata.get(name) in tensors for name in pair),
            metadata,
        )
    for form in ("safetensors", "pytorch", "npz", "tf1"):
        out = os.path.join(work, "untied")
        if convert(report, f"tied, to {form}", legacy, out, "--to", form) is not None:
            report.same(f"tied, to {form} under canonical names: the same root", root(out), root(legacy))


def numpy_opens(report, name, path, expected):
    with numpy.load(path, allow_pickle=False) as archive:
        found = {key: torch.from_numpy(archive[key]) for key in archive.files}
    wrong = same_tensors(found, expected)
    report.check(f"{name}: numpy.load(allow_pickle=False)", not wrong, wrong[:3])


def gguf_opens(report, name, path, expected, config):
    reader, wrong = gguf.GGUFReader(path), []
    found = {tensor.name: tensor for tensor in reader.tensors}
    for key, tensor in expected.items():
        ours = found.pop(gguf_name(key, config["num_hidden_layers"]), None)
        if ours is None or ours.data.tobytes() != tensor.numpy().tobytes():
            wrong.append(key)
        elif [int(size) for size in ours.shape][::-1] != list(tensor.shape):
            wrong.append(key)
    report.check(f"{name}: GGUFReader", not wrong and not found, wrong[:3] or list(found)[:3])
    value = lambda key: reader.fields[key].contents()
    keys = {
        "bert.block_count": "num_hidden_layers",
        "bert.context_length": "max_position_embeddings",
        "bert.embedding_length": "hidden_size",
        "bert.feed_forward_length": "intermediate_size",
        "bert.attention.head_count": "num_attention_heads",
    }
    report.same(
        f"{name}: GGUFReader: the sizes", [value(key) for key in keys], [config[field] for field in keys.values()]
    )


def opened(report, model_name, original, folder, written):
    """The whole of what one model's written folders must pass; TensorFlow's and ONNX's parts are done elsewhere."""
    expected = from_pretrained(report, model_name, original, written)
    torch_loads(report, model_name, os.path.join(written["pytorch"], FILES["pytorch"]), expected)
    numpy_opens(report, model_name, os.path.join(written["npz"], FILES["npz"]), expected)
    if "gguf" in written:
        path, config = os.path.join(written["gguf"], FILES["gguf"]), read_json(folder, "config.json")
        gguf_opens(report, model_name, path, expected, config)


def shards_load(report, original, folder, work):
    """Our shards with their index, through transformers."""
    for name in ("safetensors", "pytorch"):
        out = os.path.join(work, f"sharded-{name}")
        if convert(report, f"shards, {name}", folder, out, "--to", name, "--shard-size", "60kB") is None:
            continue
        count = sum(file.endswith((".safetensors", ".bin")) for file in os.listdir(out))
        loaded = type(original).from_pretrained(out).eval()
        report.check(
            f"shards, {name}: transformers loads {count} files and computes the same bits",
            count > 2 and same_outputs(outputs(loaded), outputs(original)),
        )


def google_classifier(report, original, archive, folder, work):
    """A classifier fine-tuned by google-research/bert: `output_weights` at the root, which transformers cannot load."""
    out = os.path.join(work, "from-google")
    if convert(report, "TensorFlow 1 classifier", archive, out) is None:
        return
    report.same("TensorFlow 1 classifier: the same root", root(out), root(folder))
    loaded, info = transformers.AutoModelForSequenceClassification.from_pretrained(out, output_loading_info=True)
    told = {key: value for key, value in info.items() if value}
    report.check("TensorFlow 1 classifier: transformers misses nothing", not told, told)
    report.check(
        "TensorFlow 1 classifier: the original's logits, bit for bit",
        same_outputs(outputs(loaded.eval()), outputs(original)),
    )
