"""Small models of transformers with random weights, and every container that has held a BERT, by its own library."""

import collections
import json
import os
import pathlib
import shutil
import struct
import sys
import tarfile
import io

import gguf
import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "oracle"))
import foreign_pytorch

HEADS = [
    "BertModel",
    "BertForPreTraining",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertForMaskedLM",
    "BertForQuestionAnswering",
]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "flower", "is", "red", "##s", ".", ",", "日", "é"]
SIZES = dict(
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=128,
    max_position_embeddings=48,
    initializer_range=0.2,
)


def tiny(architecture, folder, seed):
    """A model with random weights, biases too, saved as transformers saves it, with a vocabulary of its own."""
    torch.manual_seed(seed)
    labels = dict(num_labels=3) if "Classification" in architecture else {}
    words = WORDS + [letter for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
    model = getattr(transformers, architecture)(
        transformers.BertConfig(vocab_size=len(words), **SIZES, **labels)
    ).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".bias") or "LayerNorm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
        file.writelines(word + "\n" for word in words)
    return model


def outputs(model):
    """What the model gives for a padded batch that its seed decides, as arrays by name."""
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(5, model.config.vocab_size, (3, 11), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    with torch.no_grad():
        found = model(input_ids=ids, attention_mask=mask, token_type_ids=(ids % 2) * mask)
    return {name: value.numpy() for name, value in found.items() if isinstance(value, torch.Tensor)}


def same_outputs(ours, theirs):
    return ours.keys() == theirs.keys() and all(ours[n].tobytes() == theirs[n].tobytes() for n in theirs)


def torch_tar(state, path):
    """The tar file of torch 0.1.1, by the pickler that makes our fixtures; torch itself opens it."""
    dump, persistent = foreign_pytorch.dump, foreign_pytorch.Persistent
    storages, tensors = [dump(len(state))], [dump(len(state))]
    for key, tensor in enumerate(state.values(), 1):
        kind = {torch.float32: "Float", torch.int64: "Long"}[tensor.dtype]
        storages += [dump((1000 + key, "cpu", getattr(torch, kind + "Storage"))), struct.pack("<q", tensor.numel())]
        storages += [tensor.contiguous().numpy().tobytes()]
        numbers = (*tensor.shape, *tensor.contiguous().stride(), 0)
        tensors += [dump((key, 1000 + key, getattr(torch, kind + "Tensor")))]
        tensors += [struct.pack("<ii", tensor.dim(), 0), struct.pack(f"<{len(numbers)}q", *numbers)]
    members = {
        "sys_info": [dump({"protocol_version": 1000, "little_endian": True})],
        "pickle": [dump(collections.OrderedDict((n, persistent(key)) for key, n in enumerate(state, 1)))],
        "storages": storages + [dump([])],
        "tensors": tensors,
    }
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as file:
        for name, pieces in members.items():
            info, data = tarfile.TarInfo(name), b"".join(pieces)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))


def gguf_name(name, layers):
    """The name that llama.cpp's converter gives a parameter of a BertModel."""
    bare = name.removeprefix("bert.").replace("pooler.dense", "classifier.dense")
    bare = bare if bare.startswith("classifier.dense") else bare.replace("classifier.", "classifier.out_proj.")
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, layers)
    return table.get_name(bare, try_suffixes=(".weight", ".bias"))


def write_gguf(state, config, path, quantisation=None):
    """A file of gguf-py's GGUFWriter; `quantisation` is for matrices whose rows it can divide into blocks."""
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for name, tensor in state.items():
        if not name.endswith("position_ids"):
            data, new = tensor.numpy(), gguf_name(name, config["num_hidden_layers"])
            if quantisation is not None and data.ndim == 2 and data.shape[1] % 32 == 0:
                writer.add_tensor(new, gguf.quants.quantize(data, quantisation), raw_dtype=quantisation)
            else:
                writer.add_tensor(new, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def shards(state, count):
    """The tensors in `count` parts of about the same size, in their order."""
    total, done, parts = sum(tensor.nbytes for tensor in state.values()), 0, [{} for _ in range(count)]
    for name, tensor in state.items():
        parts[min(count - 1, done * count // total)][name] = tensor
        done += tensor.nbytes
    return [part for part in parts if part]


def write_shards(folder, state, stem, ending, save):
    """Several files with an index beside, as save_pretrained leaves them."""
    os.makedirs(folder)
    parts, weight_map = shards(state, 3), {}
    for number, part in enumerate(parts, 1):
        name = f"{stem}-{number:05}-of-{len(parts):05}.{ending}"
        save(part, os.path.join(folder, name))
        weight_map.update({key: name for key in part})
    index = {"metadata": {"total_size": sum(t.nbytes for t in state.values())}, "weight_map": weight_map}
    with open(os.path.join(folder, f"{stem}.{ending}.index.json"), "w") as file:
        json.dump(index, file, indent=2, sort_keys=True)


def save_legacy(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


def write_containers(folder, out, with_gguf=True):
    """The model of `folder` in every container that a library of this environment writes: name -> path.

    TensorFlow's are not among them: containers_tf.py writes those in an environment of its own.
    """
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    place = lambda name: os.path.join(out, name)
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    state = load_file(os.path.join(folder, "model.safetensors"))
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    tied = dict(state)
    if "cls.predictions.bias" in state:  # as transformers 4 wrote them, both names on one storage
        tied["cls.predictions.decoder.weight"] = tied["bert.embeddings.word_embeddings.weight"]
        tied["cls.predictions.decoder.bias"] = tied["cls.predictions.bias"]
    found = {"safetensors": os.path.join(folder, "model.safetensors")}
    found["safetensors, sharded"] = place("shards")
    write_shards(found["safetensors, sharded"], state, "model", "safetensors", lambda part, path: save_file(part, path))
    found["PyTorch zip"] = place("zip.bin")
    torch.save(tied, found["PyTorch zip"])
    found["PyTorch legacy"] = place("legacy.bin")
    save_legacy(tied, found["PyTorch legacy"])
    found["PyTorch tar"] = place("tar.bin")
    torch_tar(state, found["PyTorch tar"])
    found["PyTorch, sharded"] = place("bins")
    write_shards(found["PyTorch, sharded"], tied, "pytorch_model", "bin", torch.save)
    found["PyTorch legacy, wrapped"] = place("wrapped.bin")
    wrapped = {"epoch": 3, "args": {"lr": 2e-5}, "state_dict": {f"module.{n}": t for n, t in tied.items()}}
    save_legacy(wrapped, found["PyTorch legacy, wrapped"])
    found["npz"] = place("plain.npz")
    numpy.savez(found["npz"], **arrays)
    found["npz, compressed"] = place("compressed.npz")
    numpy.savez_compressed(found["npz, compressed"], **arrays)
    if with_gguf:
        found["GGUF"] = place("model.gguf")
        write_gguf(state, config, found["GGUF"])
    return found
