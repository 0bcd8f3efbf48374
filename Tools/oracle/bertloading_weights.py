#!/usr/bin/env python3
"""What transformers makes of a checkpoint: names, new weights bit for bit, ties, prefixes, old spellings.

    python3 Tools/oracle/bertloading_weights.py [--minilm FOLDER] [OUTPUT_FOLDER]     (default Fixtures/bertloading)

Run in both environments (Tools/requirements); each writes its own file:

  torch 2.15.0, transformers 5.23.0, safetensors 0.8.0   checkpoint.safetensors, extra.safetensors, weights_5.json, and with
                                                         --minilm (the real all-MiniLM-L6-v2) minilm_heads.json
  torch 2.2.2, transformers 4.38.2                       weights_4.json

checkpoint.safetensors is a tiny BertForPreTraining; extra.safetensors has tensors that cases add to it. weights_N.json:

  tables   for every class its parameters in the order of the state dictionary without tied ones: [name, shape, decays, how a
           new one starts]; `decays` is Trainer.get_decay_parameter_names
  cases    a class loaded after set_seed(seed) from the checkpoint with some edits: what is missing, unexpected and mismatched,
           and for every parameter FNV-1a (64 bits) over the 32-bit words of its values. `cls.predictions.bias` stands for the
           bias that the logits add, that is the decoder's.

Left out of version 4: cases with a whole new prediction head, where it draws a decoder that it then ties; those of untied or
twofold decoders, where the last tensor read wins; and mismatched shapes, where it draws the whole model.
"""

import argparse
import json
import pathlib
import tempfile
import warnings

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig, BertForMaskedLM, BertForNextSentencePrediction, BertForPreTraining, BertForQuestionAnswering,
    BertForSequenceClassification, BertForTokenClassification, BertModel, Trainer, set_seed)  # fmt: skip

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--minilm")
parser.add_argument("output", nargs="?", default=pathlib.Path(__file__).resolve().parents[2] / "Fixtures/bertloading")
arguments = parser.parse_args()
OUT = pathlib.Path(arguments.output)
VERSION = transformers.__version__.split(".")[0]

# 12 columns: a head for one label has fewer than 16 weights, one for three a number that is no multiple of 16, and the
# pooler a multiple; torch draws each in another way.
SIZES = dict(vocab_size=20, hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
             max_position_embeddings=16)  # fmt: skip
CLASSES = [BertModel, BertForSequenceClassification, BertForMaskedLM, BertForNextSentencePrediction, BertForTokenClassification,
           BertForQuestionAnswering, BertForPreTraining]  # fmt: skip
DECODER = "cls.predictions.decoder."


def fnv(tensor):
    value = 0xCBF29CE484222325
    for word in tensor.detach().contiguous().view(torch.int32).flatten().tolist():
        value = ((value ^ (word & 0xFFFFFFFF)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def parameters(model):
    """Canonical name to values; a decoder only where it is not tied."""
    state = {name: value for name, value in model.state_dict().items() if "position_ids" not in name}
    if DECODER + "weight" in state:
        state["cls.predictions.bias"] = state.pop(DECODER + "bias")
        if model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight:
            del state[DECODER + "weight"]
    return state


def labels(cls):
    """Version 4 and 5 give question answering as many outputs as there are labels, and can use two."""
    return 2 if cls is BertForQuestionAnswering else 3


def table(cls):
    model = cls(BertConfig(**SIZES, num_labels=labels(cls)))
    decaying = set(Trainer.get_decay_parameter_names(None, model))
    def start(value):
        return "zeros" if not value.any() else "ones" if (value == 1).all() else "normal"
    return [[n, list(v.shape), n in decaying, start(v)] for n, v in parameters(model).items()]


def edited(tensors, extra, edits):
    for edit, *rest in edits:
        if edit == "drop":
            tensors = {n: v for n, v in tensors.items() if not n.startswith(rest[0])}
        elif edit == "strip":
            tensors = {n.removeprefix(rest[0]): v for n, v in tensors.items()}
        elif edit == "replace":
            tensors = {n.replace(rest[0], rest[1]): v for n, v in tensors.items()}
        elif edit == "copy":
            tensors = {**tensors, rest[1]: tensors[rest[0]]}
        else:
            tensors = {**tensors, rest[0]: extra[rest[1]]}
    return tensors


BASE = [["drop", "cls."], ["strip", "bert."]]
NO_POOLER = BASE + [["drop", "pooler."]]
GAMMA = [["replace", "LayerNorm.weight", "LayerNorm.gamma"], ["replace", "LayerNorm.bias", "LayerNorm.beta"]]
BUFFERS = [["add", f"{prefix}embeddings.{name}", name] for prefix in ("bert.", "") for name in ("position_ids", "token_type_ids")]


def cases():
    for cls in CLASSES:
        predicts = cls in (BertForMaskedLM, BertForPreTraining)
        for number, (name, edits) in enumerate([
            ("a pre-training checkpoint", []), ("a bare model", BASE), ("an encoder without pooler", NO_POOLER),
            ("gamma and beta", GAMMA), ("buffers of older versions", BUFFERS)]):  # fmt: skip
            if not (VERSION == "4" and predicts and edits in (BASE, NO_POOLER)):
                yield name, cls, [42, 0, 7, 1, 2**32 - 1][number], {}, edits
    classifier = BertForSequenceClassification
    yield "one label", classifier, 3, dict(num_labels=1), BASE
    yield "one label and no pooler", classifier, 3, dict(num_labels=1), NO_POOLER
    yield "a wide initializer range", classifier, 5, dict(initializer_range=0.5), BASE
    yield "an encoder with gamma and beta", classifier, 5, {}, BASE + GAMMA
    yield "a classifier", classifier, 5, {}, [["add", "classifier.weight", "3x12"], ["add", "classifier.bias", "3"]]
    yield "a decoder equal to the word embeddings", BertForMaskedLM, 5, {}, [
        ["copy", "bert.embeddings.word_embeddings.weight", DECODER + "weight"],
        ["copy", "cls.predictions.bias", DECODER + "bias"]]  # fmt: skip
    if VERSION == "4":
        return
    yield "a classifier for five labels", classifier, 5, {}, [["add", "classifier.weight", "5x12"], ["add", "classifier.bias", "5"]]
    yield "a token classifier for five labels", BertForTokenClassification, 6, {}, [
        ["add", "classifier.weight", "5x12"], ["add", "classifier.bias", "5"]]  # fmt: skip
    # Version 4 draws a module anew as soon as one of its weights is missing, and takes 0 for what it says.
    yield "a classifier without bias", classifier, 5, {}, [["add", "classifier.weight", "3x12"]]
    yield "a pooler without bias", classifier, 5, {}, [["drop", "bert.pooler.dense.bias"]]
    yield "an initializer range of 0", classifier, 5, dict(initializer_range=0.0), BASE
    weight, bias = ["add", DECODER + "weight", "20x12"], ["add", DECODER + "bias", "20"]
    for cls in (BertForMaskedLM, BertForPreTraining):
        for tied in (True, False):
            yield "a decoder of its own", cls, 5, dict(tie_word_embeddings=tied), [weight, bias]
        yield "a decoder of its own, and a tied bias", cls, 5, {}, [weight]
        yield "a decoder bias of its own", cls, 5, {}, [bias]
        yield "the bias under the decoder's name only", cls, 5, {}, [["drop", "cls.predictions.bias"], bias]
        yield "the word embeddings under the decoder's name only", cls, 5, {}, [
            ["drop", "bert.embeddings.word_embeddings"], weight]  # fmt: skip
        yield "no decoder, and not tied", cls, 5, dict(tie_word_embeddings=False), [["drop", "cls.predictions.bias"], bias]


def load(cls, seed, options, tensors):
    with tempfile.TemporaryDirectory() as folder:
        BertConfig(**{**SIZES, "num_labels": labels(cls), **options}, architectures=[cls.__name__]).save_pretrained(folder)
        save_file({n: v.clone().contiguous() for n, v in tensors.items()}, f"{folder}/model.safetensors", {"format": "pt"})
        set_seed(seed)
        return cls.from_pretrained(folder, output_loading_info=True, ignore_mismatched_sizes=VERSION != "4")


def outcome(tensors, extra, name, cls, seed, options, edits):
    model, info = load(cls, seed, options, edited(tensors, extra, edits))
    return dict(
        name=name, architecture=cls.__name__, seed=str(seed), options=options, edits=edits, missing=sorted(info["missing_keys"]),
        unexpected=sorted(info["unexpected_keys"]), mismatched=sorted(key for key, *_ in info["mismatched_keys"]),
        parameters={n: fnv(v) for n, v in parameters(model).items()})  # fmt: skip


def make_checkpoints():
    torch.manual_seed(1)
    model = BertForPreTraining(BertConfig(**SIZES, num_labels=3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    tensors = {n: v.clone() for n, v in model.state_dict().items() if DECODER not in n and "position_ids" not in n}
    extra = {"x".join(map(str, shape)): torch.randn(shape) for shape in [(3, 12), (3,), (5, 12), (5,), (20, 12), (20,)]}
    extra["position_ids"] = torch.arange(16)[None]
    extra["token_type_ids"] = torch.zeros(1, 16, dtype=torch.long)
    for name, content in [("checkpoint", tensors), ("extra", extra)]:
        save_file(content, OUT / f"{name}.safetensors", {"format": "pt"})
        (OUT / f"{name}.safetensors").chmod(0o644)


def minilm_heads(folder):
    """New weights of the real checkpoint; with and without its pooler."""
    tensors = load_file(f"{folder}/model.safetensors")
    for seed in (42, 0, 7, 2024):
        for has_pooler in (True, False):
            kept = {n: v for n, v in tensors.items() if has_pooler or not n.startswith("pooler.")}
            set_seed(seed)
            config = BertConfig.from_pretrained(folder, num_labels=3)
            with tempfile.TemporaryDirectory() as copy:
                config.save_pretrained(copy)
                save_file(kept, f"{copy}/model.safetensors", {"format": "pt"})
                set_seed(seed)
                model = BertForSequenceClassification.from_pretrained(copy)
            new = {n: v for n, v in model.state_dict().items() if n.startswith("classifier") or "pooler" in n and not has_pooler}
            yield dict(seed=seed, pooler=has_pooler, new={
                n: dict(shape=list(v.shape), first=[f"{w & 0xFFFFFFFF:08x}" for w in v.flatten().view(torch.int32)[:8].tolist()],
                        hash=fnv(v)) for n, v in new.items()})  # fmt: skip


def write(name, value):
    lines = lambda items: "[\n" + ",\n".join("  " + json.dumps(item) for item in items) + "\n]"
    text = lines(value) if isinstance(value, list) else "{\n" + ",\n".join(
        f'"{key}": {lines(part) if isinstance(part, list) else json.dumps(part)}' for key, part in value.items()) + "\n}"  # fmt: skip
    (OUT / name).write_text(text + "\n")


OUT.mkdir(parents=True, exist_ok=True)
if VERSION == "5":
    make_checkpoints()
checkpoint, extra = load_file(OUT / "checkpoint.safetensors"), load_file(OUT / "extra.safetensors")
write(f"weights_{VERSION}.json", dict(
    tables={cls.__name__: table(cls) for cls in CLASSES}, cases=[outcome(checkpoint, extra, *case) for case in cases()]))  # fmt: skip
if arguments.minilm:
    write("minilm_heads.json", list(minilm_heads(arguments.minilm)))
