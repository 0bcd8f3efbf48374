#!/usr/bin/env python3
"""An ONNX file of ours against onnx, onnxruntime and transformers.

    python3 Tools/interop.d/onnx_check.py CHECKPOINT_FOLDER MODEL.onnx [MODEL_WITH_EXTERNAL_DATA.onnx]

The folder holds the model that was written: config.json and model.safetensors in the Hugging Face layout. The class is
the first of `architectures`. The second file is the same model with its weights in a file of their own.
"""

import collections
import logging
import os
import sys
import tempfile

from common import Report, guarded, quiet, read_json

quiet()

import numpy
import onnx
import onnxruntime
import torch
import transformers
from safetensors.numpy import load_file

transformers.logging.set_verbosity_error()
logging.disable(logging.WARNING)  # onnxruntime.transformers would rather have a model of PyTorch's
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OUTPUTS = {
    "BertModel": ["last_hidden_state", "pooler_output"],
    "BertForSequenceClassification": ["logits"],
    "BertForTokenClassification": ["logits"],
    "BertForMaskedLM": ["logits"],
    "BertForNextSentencePrediction": ["logits"],
    "BertForQuestionAnswering": ["start_logits", "end_logits"],
    "BertForPreTraining": ["prediction_logits", "seq_relationship_logits"],
}
LEVELS = {
    "as written": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "optimised": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
# Both compute in float32 and sum in another order; logits here are of the order of ten.
TOLERANCE = 2e-5


def session(path, level, optimized=None):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 3
    if optimized:
        options.optimized_model_filepath = optimized
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def batches(config, seed=0):
    """One text, several of unequal length padded on the right, a text of one token, and the longest that fits."""
    random = numpy.random.default_rng(seed)
    longest = config["max_position_embeddings"]
    for lengths in ([7], [9, 5, 1, 8], [1], [longest], [min(33, longest), 2]):
        shape = (len(lengths), max(lengths))
        mask = (numpy.arange(shape[1]) < numpy.array(lengths)[:, None]).astype(numpy.int64)
        types = random.integers(0, config["type_vocab_size"], shape)
        yield dict(
            zip(INPUTS, (random.integers(0, config["vocab_size"], shape) * mask, mask, types * mask))
        )


def counts(path):
    return collections.Counter(node.op_type for node in onnx.load(path, load_external_data=False).graph.node)


def structure(report, path, weights, outputs):
    onnx.checker.check_model(path, full_check=True)
    report.check("onnx.checker with full_check finds nothing", True)
    model = onnx.load(path)
    with open(path, "rb") as file:
        report.check(
            "the bytes are those onnx itself would write",
            onnx.load(path, load_external_data=False).SerializeToString(deterministic=True) == file.read(),
        )
    dims = lambda value: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
    report.same("the inputs", [value.name for value in model.graph.input], INPUTS)
    report.same("their shapes", [dims(v) for v in model.graph.input], [["batch", "sequence"]] * 3)
    report.same("the outputs", [value.name for value in model.graph.output], outputs)
    names = [tensor.name for tensor in model.graph.initializer]
    report.same("the weights' names are those of the checkpoint", sorted(names), sorted(weights))
    for tensor in model.graph.initializer:
        ours, theirs = onnx.numpy_helper.to_array(tensor), weights.get(tensor.name)
        if theirs is None or ours.shape != theirs.shape or ours.tobytes() != theirs.tobytes():
            report.check(f"{tensor.name} is the checkpoint's", False)
    return model


def answers(report, label, run, model, config, outputs):
    """The largest difference from transformers over all batches, padding included: both compute it alike."""
    ours, theirs = [], []
    for batch in batches(config):
        with torch.no_grad():
            expected = model(**{name: torch.tensor(value) for name, value in batch.items()})
        for name, found in zip(outputs, run(outputs, batch)):
            value = expected[name].numpy()
            if found.shape != value.shape:
                report.same(f"{label}: shape of {name}", list(found.shape), list(value.shape))
                continue
            ours += found.ravel().tolist()
            theirs += value.ravel().tolist()
    report.close(f"{label}: {', '.join(outputs)}", ours, theirs, TOLERANCE)
    batch = next(batches(config))
    batch["attention_mask"] = batch["attention_mask"] * 0
    report.check(
        f"{label}: a text without a token that counts gives numbers",
        all(numpy.isfinite(value).all() for value in run(outputs, batch)),
    )


def fusions(report, path, config, work):
    """onnxruntime's optimiser makes one operator of an activation with its bias, and of a sum with its normalisation."""
    optimized = os.path.join(work, "optimized.onnx")
    session(path, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED, optimized)
    found, layers = counts(optimized), config["num_hidden_layers"]
    report.check("SkipLayerNormalization", found["SkipLayerNormalization"] >= 2 * layers, dict(found))
    if config["hidden_act"] == "gelu":
        report.check("Gelu", found["BiasGelu"] + found["Gelu"] >= layers, dict(found))
    elif config["hidden_act"].startswith("gelu_"):
        report.check("FastGelu", found["FastGelu"] >= layers, dict(found))
    from onnxruntime.transformers.optimizer import optimize_model

    heads, size = config["num_attention_heads"], config["hidden_size"]
    fused = optimize_model(path, model_type="bert", num_heads=heads, hidden_size=size, opt_level=0)
    found = collections.Counter(node.op_type for node in fused.model.graph.node)
    report.same("Attention, by onnxruntime.transformers.optimizer", found["Attention"], layers)


def external(report, path, plain, config, outputs):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path, load_external_data=False)
    places = [{e.key: e.value for e in tensor.external_data} for tensor in model.graph.initializer]
    report.same("external: one file", {p.get("location") for p in places}, {os.path.basename(path) + ".data"})
    report.check("external: at multiples of 4096", all(int(p["offset"]) % 4096 == 0 for p in places))
    run = session(path, LEVELS["optimised"]).run
    same = all(
        (a == b).all()
        for batch in batches(config)
        for a, b in zip(run(outputs, batch), plain.run(outputs, batch))
    )
    report.check("external: the same answers", same)


def compare(folder, path, external_path=None):
    """All checks of one file; the report says whether they passed."""
    config = read_json(folder, "config.json")
    architecture = config["architectures"][0]
    outputs, report = OUTPUTS[architecture], Report(f"onnx {os.path.basename(path)}")
    weights = load_file(os.path.join(folder, "model.safetensors"))
    # A buffer of older versions, and the second name of an untied decoder's bias.
    for name in ("embeddings.position_ids", "bert.embeddings.position_ids", "cls.predictions.decoder.bias"):
        weights.pop(name, None)
    model = getattr(transformers, architecture).from_pretrained(folder, dtype=torch.float32).eval()
    written = structure(report, path, weights, outputs)
    report.same(
        "metadata: the architecture", {p.key: p.value for p in written.metadata_props}["architecture"], architecture
    )
    for label, level in LEVELS.items():
        answers(report, label, session(path, level).run, model, config, outputs)
    with tempfile.TemporaryDirectory() as work:
        fusions(report, path, config, work)
    if external_path:
        external(report, external_path, session(path, LEVELS["optimised"]), config, outputs)
    return report


def main():
    compare(*sys.argv[1:4]).finish()


if __name__ == "__main__":
    guarded(main)
