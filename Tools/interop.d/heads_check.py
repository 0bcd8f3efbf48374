#!/usr/bin/env python3
"""`ckpt embed` and `ckpt fill-mask` against transformers.

    python3 Tools/interop.d/heads_check.py CHECKPOINT_FOLDER WORK_FOLDER SEED

The masked language model is a small one with random weights and the checkpoint's own vocabulary.
"""

import os
import sys

from common import PROBES, Report, ckpt_json, guarded, quiet

quiet()

import torch
import transformers
from transformers import AutoModel, AutoTokenizer, BertConfig, BertForMaskedLM, pipeline

transformers.logging.set_verbosity_error()
SENTENCES = PROBES + [
    "The quick brown fox jumps over the lazy dog.",
    "Iris setosa",
    "word " * 200,
    "日本語 café",
    "a",
]
MASKED = [
    "paris is the [MASK] of france.",
    "[MASK]",
    "5.1 [MASK] 1.4 0.2",
    "the [MASK] brown fox jumps over the lazy dog",
]


def embeddings(report, checkpoint):
    """Mean over a text's own tokens, as sentence-transformers pools this model, plain and at length 1."""
    tokenizer, model = AutoTokenizer.from_pretrained(checkpoint), AutoModel.from_pretrained(checkpoint).eval()
    with torch.no_grad():
        alone = torch.stack(
            [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in SENTENCES]
        )
        batch = tokenizer(SENTENCES, padding=True, return_tensors="pt")
        hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"][..., None].float()
        padded = (hidden * mask).sum(1) / mask.sum(1)
    unit = torch.nn.functional.normalize
    for name, options, expected in (
        ("plain", ["--no-normalize"], [alone, padded]),
        ("length 1", ["--normalize"], [unit(alone), unit(padded)]),
        ("as the checkpoint says", [], [unit(alone), unit(padded)]),
    ):
        answers = ckpt_json("embed", checkpoint, *options, *SENTENCES)
        report.same(f"embed, {name}: every text, in order", [a["text"] for a in answers], SENTENCES)
        ours = sum([a["embedding"] for a in answers], [])
        report.close(f"embed, {name}: mean pooling", ours, expected[0].flatten().tolist(), 2e-5)
        report.close(
            f"embed, {name}: the same as a padded batch's", ours, expected[1].flatten().tolist(), 2e-5
        )


def masks(report, checkpoint, work, seed):
    folder = os.path.join(work, "masked-lm")
    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    BertForMaskedLM(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=96,
            initializer_range=0.3,
        )
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    piped = pipeline("fill-mask", model=folder, tokenizer=tokenizer, device="cpu", top_k=5)
    answers = ckpt_json("fill-mask", folder, "--top-k", 5, *MASKED)
    report.same("fill-mask answers every text, in order", [a["text"] for a in answers], MASKED)
    expected = [piped(text) for text in MASKED]
    ours = [a["masks"][0]["predictions"] for a in answers]
    report.same(
        "fill-mask: the five likeliest tokens' ids",
        [[p["id"] for p in row] for row in ours],
        [[p["token"] for p in row] for row in expected],
    )
    report.same(
        "fill-mask: their texts",
        [[p["token"] for p in row] for row in ours],
        [[tokenizer.convert_ids_to_tokens(p["token"]) for p in row] for row in expected],
    )
    report.same(
        "fill-mask: the filled texts",
        [[p["sequence"] for p in row] for row in ours],
        [[p["sequence"] for p in row] for row in expected],
    )
    flat = lambda rows: [p["score"] for row in rows for p in row]
    report.close("fill-mask: their probabilities", flat(ours), flat(expected), 1e-5)
    text = "[MASK] quick [MASK] fox"
    (two,) = ckpt_json("fill-mask", folder, "--top-k", 5, text)
    report.same(
        "fill-mask: two masks in a text",
        [[p["id"] for p in mask["predictions"]] for mask in two["masks"]],
        [[p["token"] for p in row] for row in piped(text)],
    )


def main():
    checkpoint, work, seed = sys.argv[1:4]
    report = Report("heads")
    embeddings(report, checkpoint)
    masks(report, checkpoint, work, int(seed))
    report.finish()


if __name__ == "__main__":
    guarded(main)
