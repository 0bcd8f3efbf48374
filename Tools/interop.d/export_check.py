#!/usr/bin/env python3
"""Opens an exported folder in transformers and compares it with what `ckpt` says of it.

    python3 Tools/interop.d/export_check.py EXPORT_FOLDER BASE_FOLDER

Runs in both environments. EXPORT_FOLDER is what `ckpt finetune --out` wrote, with predictions.jsonl; BASE_FOLDER
is the checkpoint it started from.
"""

import os
import sys

from common import PROBES, Report, ckpt_json, guarded, quiet, read_json, read_json_lines

quiet()

import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, pipeline

transformers.logging.set_verbosity_error()
LABELS = ["setosa", "versicolor", "virginica"]
HARD = [
    "",
    "a[MASK]b [SEP] [unused0]",
    "Ünïcödé naïve café — déjà vu… 日本語 😀",
    "x\u200dy ½ ﬁ İ ß ẞ",
    "9999999999 1e10",
    "don't stop. yes!",
    "１.０ ２",
    "\tone\r\ntwo\u00a0three",
]


def labels(report, config):
    report.same("id2label", {int(k): v for k, v in config.id2label.items()}, dict(enumerate(LABELS)))
    report.same("label2id", dict(config.label2id), {name: index for index, name in enumerate(LABELS)})
    report.same("problem_type", config.problem_type, "single_label_classification")
    report.same("architectures", config.architectures, ["BertForSequenceClassification"])


def logits(report, folder, texts, tokenizer):
    model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    report.check("every weight is there and none is left over", not any(info.values()), info)
    model.eval()
    answers = ckpt_json("predict", folder, *texts)
    report.same("predict answers every text, in order", [a["text"] for a in answers], texts)
    with torch.no_grad():
        expected = [model(**tokenizer(text, return_tensors="pt")).logits[0] for text in texts]
    report.close(
        f"logits of {len(texts)} texts",
        sum([a["logits"] for a in answers], []),
        torch.cat(expected).tolist(),
        1e-5,
    )
    piped = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu", top_k=None)(texts)
    report.same(
        "pipeline: the same label first", [a["label"] for a in answers], [rows[0]["label"] for rows in piped]
    )
    report.close(
        "pipeline: its scores", [a["score"] for a in answers], [rows[0]["score"] for rows in piped], 1e-5
    )
    by_label = lambda rows: [{row["label"]: row["score"] for row in rows}[name] for name in LABELS]
    report.close(
        "pipeline: the scores of all labels",
        sum([by_label(a["scores"]) for a in answers], []),
        sum([by_label(rows) for rows in piped], []),
        1e-5,
    )
    falling = lambda rows: all(a["score"] >= b["score"] for a, b in zip(rows, rows[1:]))
    report.check("scores are sorted, largest first", all(falling(a["scores"]) for a in answers))


def tokens(report, folder, base, texts, tokenizer):
    original = AutoTokenizer.from_pretrained(base)
    keys = ("input_ids", "token_type_ids", "attention_mask")
    encode = lambda which: [[list(which(text)[key]) for key in keys] for text in texts]
    report.same(
        f"AutoTokenizer of the folder: ids, types and masks of {len(texts)} texts",
        encode(tokenizer),
        encode(original),
    )
    pairs = [(texts[i], texts[-1 - i]) for i in range(len(texts))]
    report.same(
        "AutoTokenizer of the folder: pairs",
        [list(tokenizer(*p)["input_ids"]) for p in pairs],
        [list(original(*p)["input_ids"]) for p in pairs],
    )
    report.same(
        "AutoTokenizer of the folder: special tokens",
        [getattr(tokenizer, f"{n}_token_id") for n in ("pad", "unk", "cls", "sep", "mask")],
        [0, 100, 101, 102, 103],
    )
    report.same("AutoTokenizer of the folder: longest input", tokenizer.model_max_length, 512)
    report.check(
        "AutoTokenizer of the folder is the fast BERT one",
        tokenizer.is_fast and type(tokenizer).__name__ in ("BertTokenizer", "BertTokenizerFast"),
        type(tokenizer).__name__,
    )


def card(report, folder):
    """The model card's front matter, by the library's own parser and by what the hub is known to refuse."""
    from huggingface_hub import ModelCard
    from huggingface_hub.repocard import metadata_load

    path = os.path.join(folder, "README.md")
    data = metadata_load(path)
    report.check("model card: front matter parses", isinstance(data, dict) and data, data)
    parsed = ModelCard.load(path, ignore_metadata_errors=False).data
    report.same("model card: library_name", parsed.library_name, "transformers")
    report.same("model card: pipeline_tag", parsed.pipeline_tag, "text-classification")
    results = parsed.eval_results or []
    report.check("model card: has evaluation results", results)
    report.same(
        "model card: metrics of the test split",
        {r.metric_type: r.metric_value for r in results if r.metric_type in ("accuracy", "f1")},
        {
            k[5:]: v
            for k, v in read_json(folder, "predict_results.json").items()
            if k in ("test_accuracy", "test_f1")
        },
    )
    wrong = [
        f"{field} is {value!r}"
        for r in results
        for field, value in (
            ("dataset config", r.dataset_config),
            ("dataset split", r.dataset_split),
            ("task", r.task_type),
            ("dataset", r.dataset_type),
        )
        if not isinstance(value, str) or value in ("", "None")
    ]
    report.check("model card: what the hub wants as a string is one", not wrong, wrong[:3])
    named = [data.get("base_model"), *(data.get("datasets") or [])]
    paths = [n for n in named if isinstance(n, str) and (n.startswith(("/", ".", "~")) or n.count("/") > 1)]
    report.check("model card: names no local path", not paths, paths)


def main():
    folder, base = sys.argv[1:3]
    report = Report(f"export, transformers {transformers.__version__}")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = PROBES + [row["text"] for row in read_json_lines(folder, "predictions.jsonl")]
    labels(report, AutoConfig.from_pretrained(folder))
    logits(report, folder, texts, tokenizer)
    tokens(report, folder, base, texts + HARD, tokenizer)
    card(report, folder)
    report.finish()


if __name__ == "__main__":
    guarded(main)
