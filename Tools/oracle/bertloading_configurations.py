#!/usr/bin/env python3
"""config.json as transformers 5 saves it after reading older and newer ones.

    python3 Tools/oracle/bertloading_configurations.py [OUTPUT_FOLDER]          (default Fixtures/bertloading)

Run in both environments (Tools/requirements):

  transformers 5.23.0   writes configurations.json: a document, the class it is read for, labels and problem type given on
                        loading, and the text that the model's save_pretrained writes. Reads every text again.
  transformers 4.38.2   writes nothing; fails unless AutoConfig reads every text and finds the same values in it
"""

import json
import pathlib
import sys
import tempfile
import warnings

import torch
import transformers
from transformers import AutoConfig, BertConfig

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "Fixtures/bertloading"
SIZES = dict(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
             max_position_embeddings=16, type_vocab_size=2)  # fmt: skip
# all-MiniLM-L6-v2, made smaller; its config.json was written by 4.8.2.
MINILM = {
    "_name_or_path": "nreimers/MiniLM-L6-H384-uncased", "architectures": ["BertModel"], "attention_probs_dropout_prob": 0.1,
    "gradient_checkpointing": False, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "initializer_range": 0.02,
    "layer_norm_eps": 1e-12, "model_type": "bert", "pad_token_id": 0, "position_embedding_type": "absolute",
    "transformers_version": "4.8.2", "use_cache": True, **SIZES}  # fmt: skip
IRIS = ["setosa", "versicolor", "virginica"]
UNSORTED = ["zwölf", "Ä", "b", "a", "10", "9", "", "😀", "\uffff", "é", "e", "LABEL_0"]


def version_5(**options):
    config = BertConfig(**{**SIZES, **options}, architectures=["BertForMaskedLM"])
    return json.loads(config.to_json_string())


def cases():
    yield MINILM, "BertModel", None, None
    yield MINILM, "BertForSequenceClassification", IRIS, "single_label_classification"
    yield MINILM, "BertForTokenClassification", UNSORTED, None
    yield MINILM, "BertForSequenceClassification", ["score"], "regression"
    yield MINILM, "BertForSequenceClassification", ["LABEL_0", "LABEL_1"], None
    yield {**MINILM, "num_labels": 4, "torch_dtype": "float16"}, "BertForSequenceClassification", None, None
    yield {"model_type": "bert", **SIZES}, "BertForQuestionAnswering", None, None
    labelled = {**MINILM, "id2label": {str(i): n for i, n in enumerate(IRIS)}, "label2id": {n: i for i, n in enumerate(IRIS)}}
    yield labelled, "BertForSequenceClassification", None, None
    yield labelled, "BertForMaskedLM", ["LABEL_0", "LABEL_1"], None
    yield {**labelled, "problem_type": "multi_label_classification"}, "BertForNextSentencePrediction", ["no", "yes"], None
    yield {**MINILM, "layer_norm_eps": 1e-5, "hidden_dropout_prob": 0, "classifier_dropout": 0.25, "hidden_act": "gelu_new",
           "initializer_range": 1e-3, "use_cache": False, "pad_token_id": None, "bos_token_id": 3, "eos_token_id": [1, 2],
           "finetuning_task": "é\u2028", "directionality": "bidi", "output_attentions": False, "nested": {"b": [1.0, None], "a": {}},
           }, "BertForPreTraining", None, None  # fmt: skip
    # What version 5 wrote comes out as it went in.
    yield version_5(dtype="float32"), "BertForMaskedLM", None, None
    yield version_5(dtype="bfloat16", tie_word_embeddings=False, id2label=dict(enumerate(UNSORTED)),
                    label2id={n: i for i, n in enumerate(UNSORTED)}), "BertForTokenClassification", None, None  # fmt: skip
    yield version_5(dtype="float32", id2label={0: "a", 1: "b"}), "BertForSequenceClassification", None, None


def written(document, architecture, labels, problem_type):
    options = {}
    if labels is not None:
        options = dict(id2label=dict(enumerate(labels)), label2id={n: i for i, n in enumerate(labels)})
    if problem_type is not None:
        options["problem_type"] = problem_type
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "config.json")
        path.write_text(json.dumps(document))
        config = AutoConfig.from_pretrained(folder, **options)
        model = getattr(transformers, architecture)(config).to(torch.float32)
        model.save_pretrained(folder)
        AutoConfig.from_pretrained(folder)
        return path.read_text()


def check_version_4(text):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "config.json").write_text(text)
        config = AutoConfig.from_pretrained(folder)
    assert isinstance(config, BertConfig), type(config)
    for key, value in json.loads(text).items():
        found = getattr(config, key)
        if key == "id2label":
            found = {str(number): name for number, name in found.items()}
        assert key == "transformers_version" or found == value, (key, found, value)


if transformers.__version__.startswith("5."):
    lines = [json.dumps(dict(zip(["document", "architecture", "labels", "problem_type"], case), written=written(*case)))
             for case in cases()]  # fmt: skip
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "configurations.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
else:
    texts = [case["written"] for case in json.loads((OUT / "configurations.json").read_text())]
    for text in texts:
        check_version_4(text)
    print(f"{len(texts)} configurations read by {transformers.__version__}")
