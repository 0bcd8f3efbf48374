#!/usr/bin/env python3
"""Writes the models that are timed: a bert-base classifier with random weights, and the peers' forms of it.

    checkpoint.py bert FOLDER VOCABULARY_FOLDER     the checkpoint, a folder as transformers writes it
    checkpoint.py peers FOLDER ONNX_FOLDER OUT      graphs for onnxruntime, models for CTranslate2

Each is made once, beside its place, and renamed; what is there is taken as it is.
"""

import contextlib
import json
import os
import shutil
import sys

import common


@contextlib.contextmanager
def fresh(folder):
    """A folder to fill, which becomes `folder` in the end; None when that is there."""
    if os.path.isdir(folder):
        yield None
        return
    beside = f"{folder}.{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    os.makedirs(beside)
    yield beside
    os.rename(beside, folder)


def bert(folder, vocabulary):
    with fresh(folder) as beside:
        if not beside:
            return
        import torch
        import transformers

        torch.manual_seed(42)
        transformers.utils.logging.disable_progress_bar()
        # CTranslate2 asks for what transformers 5 no longer writes and the hub's bert-base has.
        configuration = transformers.BertConfig(num_labels=common.LABELS, position_embedding_type="absolute")
        model = transformers.BertForSequenceClassification(configuration)
        model.save_pretrained(beside)
        for name in ("vocab.txt", "tokenizer_config.json", "special_tokens_map.json"):
            shutil.copy(os.path.join(vocabulary, name), beside)
        # A sentence model's tokenizer cuts and pads; bert-base's does not.
        with open(os.path.join(vocabulary, "tokenizer.json"), encoding="utf-8") as file:
            tokenizer = json.load(file) | dict(truncation=None, padding=None)
        with open(os.path.join(beside, "tokenizer.json"), "w", encoding="utf-8") as file:
            json.dump(tokenizer, file, ensure_ascii=False, indent=2)


def peers(folder, onnx, out):
    with fresh(os.path.join(out, "ctranslate2")) as beside:
        if beside:
            from ctranslate2.converters import TransformersConverter

            TransformersConverter(folder).convert(os.path.join(beside, "float32"))
            TransformersConverter(folder).convert(os.path.join(beside, "int8"), quantization="int8")
    with fresh(os.path.join(out, "onnxruntime")) as beside:
        if beside:
            graphs(folder, onnx, beside)


def graphs(folder, onnx, out):
    """exported.onnx as torch writes it, fused.onnx as onnxruntime's optimizer makes of that; both quantised;
    plain.onnx as ckpt writes it, whose weights quantize_dynamic leaves as they are."""
    import torch
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions
    from transformers import BertForSequenceClassification

    place = lambda name: os.path.join(out, f"{name}.onnx")
    shutil.copy(os.path.join(onnx, "model.onnx"), place("plain"))
    model = BertForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
    inputs = {
        name: torch.tensor(v) for name, v in common.padded([[101, 2000, 2001, 102], [101, 102]]).items()
    }
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        place("exported"),
        input_names=list(inputs),
        output_names=["logits"],
        dynamic_axes={name: axes for name in inputs},
        opset_version=17,
        dynamo=False,
    )
    options = FusionOptions("bert")
    fused = optimizer.optimize_model(
        place("exported"), "bert", num_heads=12, hidden_size=768, optimization_options=options, opt_level=1
    )
    print(fused.get_fused_operator_statistics(), file=sys.stderr)
    fused.save_model_to_file(place("fused"))
    for name in ("exported", "fused"):
        # onnx cannot tell the types of onnxruntime's own operators.
        known = dict(DefaultTensorType=TensorProto.FLOAT)
        quantize_dynamic(
            place(name),
            place(f"{name}-int8"),
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options=known,
        )


if __name__ == "__main__":
    {"bert": bert, "peers": peers}[sys.argv[1]](*sys.argv[2:])
