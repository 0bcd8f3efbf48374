#!/usr/bin/env python3
"""Makes the small models that the tests of Pretrained and of the command use, and what transformers says of them.

    python3 Tools/oracle/command_models.py [FOLDER]      (Fixtures/command unless given)

torch 2.15.0, transformers 5.23.0, safetensors 0.8.0. Weights are random, with a spread that makes answers differ.
"""

import json
import os
import shutil
import sys

import torch
import transformers
from transformers import (BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel, BertTokenizer,
                          pipeline)

assert transformers.__version__ == "5.23.0" and torch.__version__.startswith("2.15.0"), "see the versions above"
transformers.logging.set_verbosity_error()
FOLDER = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../../Fixtures/command")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,-é"
WORDS = ["paris", "is", "the", "capital", "of", "france", "flower", "iris", "##is", "##er"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *("##" + letter for letter in LETTERS[:36]), *WORDS]
LABELS = ["setosa", "versicolor", "virginica"]
TEXTS = ["5.1 3.5 1.4 0.2", "6.3 3.3 6.0 2.5", "a b c d", "", "the capital of France is PARIS", "Ünïcödé 日本 x"]
PAIRS = [("5.1 3.5", "1.4 0.2"), ("iris", "x"), ("the flower", "is an iris, of paris")]
MASKED = ["paris is the [MASK] of france", "[MASK]", "[MASK] is the capital of [MASK]"]


def configuration(**changes):
    return BertConfig(vocab_size=len(VOCABULARY), hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
                      intermediate_size=32, max_position_embeddings=40, initializer_range=0.4, **changes)


def save(name, model, tokenizer):
    folder = os.path.join(FOLDER, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    os.chmod(os.path.join(folder, "model.safetensors"), 0o644)
    return folder


def classifier(name, seed, tokenizer, **changes):
    torch.manual_seed(seed)
    names = dict(id2label=dict(enumerate(LABELS)), label2id={label: i for i, label in enumerate(LABELS)})
    folder = save(name, BertForSequenceClassification(configuration(**{**names, **changes})), tokenizer)
    piped = pipeline("text-classification", model=folder, tokenizer=folder, device="cpu")
    with torch.no_grad():
        logits = [piped.model(**tokenizer(text, return_tensors="pt")).logits[0].tolist() for text in TEXTS]
    return {
        "logits": logits, "one": [piped(text) for text in TEXTS], "all": [piped(text, top_k=None) for text in TEXTS],
        "batch_of_two": piped(TEXTS, top_k=2, batch_size=2),
        "pairs": [piped({"text": a, "text_pair": b}, top_k=None) for a, b in PAIRS]}


def masked(tokenizer):
    torch.manual_seed(4)
    folder = save("masked-lm", BertForMaskedLM(configuration()), tokenizer)
    piped = pipeline("fill-mask", model=folder, tokenizer=folder, device="cpu", top_k=4)
    rows = lambda found: found if isinstance(found[0], list) else [found]
    return [[[{"id": p["token"], "token": tokenizer.convert_ids_to_tokens(p["token"]), "score": p["score"],
               "sequence": p["sequence"]} for p in mask] for mask in rows(piped(text))] for text in MASKED]


def embedder(tokenizer):
    torch.manual_seed(5)
    model = BertModel(configuration())
    folder = save("embedder", model, tokenizer)
    os.makedirs(os.path.join(folder, "1_Pooling"))
    files = {
        "modules.json": [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
                         for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"),
                                                           ("2_Normalize", "Normalize")])],
        "1_Pooling/config.json": {"word_embedding_dimension": 16, "pooling_mode_cls_token": False,
                                  "pooling_mode_mean_tokens": True}}
    for name, content in files.items():
        with open(os.path.join(folder, name), "w") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
    with torch.no_grad():
        states = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0] for text in TEXTS]
    means = [state.mean(0) for state in states]
    return {"mean": [m.tolist() for m in means], "normalized": [(m / m.norm()).tolist() for m in means],
            "first_token": [state[0].tolist() for state in states]}


def main():
    tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(VOCABULARY)}, do_lower_case=True)
    tokenizer.model_max_length = 40
    expected = {
        "texts": TEXTS, "pairs": PAIRS, "masked": MASKED,
        "classifier": classifier("classifier", 1, tokenizer, problem_type="single_label_classification"),
        "several-labels": classifier("several-labels", 2, tokenizer, problem_type="multi_label_classification"),
        "regression": classifier("regression", 3, tokenizer, problem_type="regression", num_labels=1,
                                 id2label={0: "stars"}, label2id={"stars": 0}),
        "fill_mask": masked(tokenizer), "embeddings": embedder(tokenizer)}
    with open(os.path.join(FOLDER, "expected.json"), "w", encoding="utf-8") as file:
        json.dump(expected, file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()
