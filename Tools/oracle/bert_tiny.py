#!/usr/bin/env python3
"""Tiny random BERT checkpoints of every head: float64 results, gradients, and PyTorch's own float32 error.

    python3 Tools/oracle/bert_tiny.py [OUTPUT_FOLDER]          (default Fixtures/golden/tiny)

Made with torch 2.15.0, transformers 5.23.0, safetensors 0.8.0 (Tools/requirements/a.txt), one thread.

Each case is a folder that transformers opens:

  config.json            hidden 32, 2 layers, 4 heads, vocabulary 120
  model.safetensors      weights with standard deviation 0.3, biases and LayerNorm parameters moved off 0 and 1, so
                         that a forgotten term or a wrong order shows
  expected.json          inputs, labels, and what float64 gives for them in training mode with dropout 0
  gradients.safetensors  F64: the gradient of the loss by every parameter, under its name, and by the encoder's input
                         and every layer's output, as `hidden_states.0` to `.2`

`*_f32_*err` is the largest absolute difference from float64 that PyTorch float32 itself shows, over its two attention
implementations (eager and sdpa) and four orders of the feed-forward neurons: one order alone can be right by luck. It is
the yardstick: ours may be 1.5 times as far off, plus 1e-7.
"""

import json
import os
import sys

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
import transformers
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)
from transformers.trainer_pt_utils import LabelSmoother

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "Fixtures", "golden", "tiny")

# Three rows of 7, 5 and 3 tokens, padded to 7.
torch.manual_seed(5)
IDS = torch.randint(1, 119, (3, 7))
MASK = torch.tensor([[1] * 7, [1] * 5 + [0] * 2, [1] * 3 + [0] * 4])
TYPES = torch.tensor([[0] * 4 + [1] * 3, [0] * 7, [0, 1, 1, 0, 0, 0, 0]])
IDS = IDS * MASK
PADDED = dict(input_ids=IDS, attention_mask=MASK, token_type_ids=TYPES)
MASKED_LABELS = torch.where(torch.rand(3, 7) < 0.4, torch.randint(1, 119, (3, 7)), torch.tensor(-100))
MASKED_LABELS[0, 1] = 7
TOKEN_LABELS = torch.where(MASK.bool(), torch.randint(0, 5, (3, 7)), torch.tensor(-100))

# Full rows: PyTorch drops the mask altogether.
UNPADDED = dict(
    input_ids=torch.randint(1, 119, (4, 6), generator=torch.Generator().manual_seed(7)),
    attention_mask=torch.ones(4, 6, dtype=torch.long),
    token_type_ids=torch.zeros(4, 6, dtype=torch.long),
)

# Rows of 12, 2, 9, 1 and 12 tokens: hardly any token, and hardly any padding, in one batch.
LENGTHS = torch.tensor([12, 2, 9, 1, 12])
WIDE_MASK = (torch.arange(12)[None] < LENGTHS[:, None]).long()
WIDE = dict(
    input_ids=torch.randint(1, 119, (5, 12), generator=torch.Generator().manual_seed(9)) * WIDE_MASK,
    attention_mask=WIDE_MASK,
    token_type_ids=(torch.arange(12)[None].expand(5, 12) > 5).long() * WIDE_MASK,
)

CLASSES = dict(labels=torch.tensor([2, 0, 1]))
SEQUENCE, TOKEN = BertForSequenceClassification, BertForTokenClassification
# name, class, configuration, labels, inputs, label smoothing
CASES = [
    ("SequenceClassification_single", SEQUENCE, dict(num_labels=3), CLASSES),
    (
        "SequenceClassification_regression1",
        SEQUENCE,
        dict(num_labels=1),
        dict(labels=torch.tensor([0.5, -1.0, 2.0])),
    ),
    (
        "SequenceClassification_regression3",
        SEQUENCE,
        dict(num_labels=3, problem_type="regression"),
        dict(labels=torch.tensor([[0.5, 1, 2], [-1.0, 0, 1], [2.0, 3, 4]])),
    ),
    (
        "SequenceClassification_multilabel",
        SEQUENCE,
        dict(num_labels=3),
        dict(labels=torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1]])),
    ),
    ("TokenClassification", TOKEN, dict(num_labels=5), dict(labels=TOKEN_LABELS)),
    (
        "QuestionAnswering",
        BertForQuestionAnswering,
        {},
        dict(start_positions=torch.tensor([1, 9, 2]), end_positions=torch.tensor([3, 9, 6])),
    ),
    ("MultipleChoice", BertForMultipleChoice, {}, dict(labels=torch.tensor([1]))),
    ("NextSentencePrediction", BertForNextSentencePrediction, {}, dict(labels=torch.tensor([0, 1, 0]))),
    ("MaskedLM", BertForMaskedLM, {}, dict(labels=MASKED_LABELS)),
    (
        "PreTraining",
        BertForPreTraining,
        {},
        dict(labels=MASKED_LABELS, next_sentence_label=torch.tensor([0, 1, 1])),
    ),
    ("SequenceClassification_act_gelu_new", SEQUENCE, dict(num_labels=3, hidden_act="gelu_new"), CLASSES),
    ("SequenceClassification_act_relu", SEQUENCE, dict(num_labels=3, hidden_act="relu"), CLASSES),
    (
        "SequenceClassification_act_gelu_pytorch_tanh",
        SEQUENCE,
        dict(num_labels=3, hidden_act="gelu_pytorch_tanh"),
        CLASSES,
    ),
    (
        "SequenceClassification_unpadded",
        SEQUENCE,
        dict(num_labels=3),
        dict(labels=torch.tensor([1, 2, 0, 2])),
        UNPADDED,
    ),
    (
        "SequenceClassification_uneven",
        SEQUENCE,
        dict(num_labels=3),
        dict(labels=torch.tensor([1, 0, 2, 2, 0])),
        WIDE,
    ),
    ("SequenceClassification_label_smoothing", SEQUENCE, dict(num_labels=3), CLASSES, PADDED, 0.1),
    (
        "TokenClassification_label_smoothing",
        TOKEN,
        dict(num_labels=5),
        dict(labels=TOKEN_LABELS),
        PADDED,
        0.1,
    ),
    ("Embedding_mean", BertModel, {}, {}, WIDE),
]


def build(cls, options):
    """A model whose every parameter is random and matters."""
    torch.manual_seed(11)
    model = cls(
        BertConfig(
            vocab_size=120,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=64,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            initializer_range=0.3,
            **options,
        )
    )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def mean_pooled(hidden, mask):
    """Mean over a row's own tokens, as sentence-transformers pools, and the same at length 1."""
    weights = mask[..., None].to(hidden.dtype)
    mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
    return dict(mean_pooled=mean, mean_pooled_normalised=F.normalize(mean, dim=-1))


def reordered(model, seed):
    """Puts the feed-forward neurons into another order, and returns how to undo that for a gradient by its name.

    The function stays the same; the sums are taken in another order, and so float32 rounds them otherwise.
    """
    layers = (model.bert if hasattr(model, "bert") else model).encoder.layer
    prefix = "bert." if hasattr(model, "bert") else ""
    undo = {}
    for index, layer in enumerate(layers):
        generator = torch.Generator().manual_seed(1000 * seed + index)
        order = torch.randperm(layer.intermediate.dense.out_features, generator=generator)
        back = torch.argsort(order)
        with torch.no_grad():
            for parameter in layer.intermediate.dense.parameters():
                parameter.copy_(parameter[order].clone())
            layer.output.dense.weight.copy_(layer.output.dense.weight[:, order].clone())
        name = f"{prefix}encoder.layer.{index}."
        undo[name + "intermediate.dense.weight"] = lambda gradient, back=back: gradient[back]
        undo[name + "intermediate.dense.bias"] = lambda gradient, back=back: gradient[back]
        undo[name + "output.dense.weight"] = lambda gradient, back=back: gradient[:, back]
    return undo


def run(cls, folder, inputs, labels, smoothing, dtype, attention, seed=0):
    """One forward and backward: the outputs by name, and the gradients by name. See `reordered` for the seed."""
    model = cls.from_pretrained(folder, attn_implementation=attention).to(dtype).train()
    undo = reordered(model, seed) if seed else {}
    labels = {k: v.to(dtype) if v.is_floating_point() else v for k, v in labels.items()}
    result = model(**inputs, **labels, output_hidden_states=True)
    for hidden in result.hidden_states:
        hidden.retain_grad()
    values = {k: v for k, v in result.items() if "logits" in k}
    if hasattr(model, "bert"):
        base = model.bert
    else:
        base = model
        values.update(mean_pooled(result.last_hidden_state, inputs["attention_mask"]))
    if base.pooler is not None:
        values["pooled"] = base.pooler(result.hidden_states[-1])
    if (
        cls is BertModel
    ):  # no loss of its own: the squared length of the mean embedding, so that it has a gradient
        values["loss"] = values["mean_pooled"].square().sum()
    else:
        values["loss"] = (
            LabelSmoother(epsilon=smoothing)(result, labels["labels"]) if smoothing else result.loss
        )
    values["loss"].backward()
    gradients = {n: undo.get(n, lambda g: g)(p.grad) for n, p in model.named_parameters() if p.grad is not None}
    for index, hidden in enumerate(result.hidden_states):
        values[f"hidden_states.{index}"] = hidden
        gradients[f"hidden_states.{index}"] = hidden.grad
    return {k: v.detach() for k, v in values.items()}, gradients, model.config.problem_type


def write(name, cls, options, labels, inputs=PADDED, smoothing=0.0):
    folder = os.path.join(OUT, name)
    build(cls, options).save_pretrained(folder)
    os.chmod(os.path.join(folder, "model.safetensors"), 0o644)
    if cls is BertForMultipleChoice:
        inputs = {k: v[None] for k, v in inputs.items()}
    args = (cls, folder, inputs, labels, smoothing)
    values, gradients, problem_type = run(*args, torch.float64, "eager")
    others = [run(*args, torch.float32, attention, seed) for attention in ("eager", "sdpa") for seed in range(4)]
    error = lambda which, key, value: max((o[which][key].double() - value).abs().max().item() for o in others)
    pick = lambda prefix: {k: v for k, v in values.items() if prefix in k}
    count = len(pick("hidden_states"))
    expected = dict(
        inputs={k: v.tolist() for k, v in inputs.items()},
        labels={k: v.tolist() for k, v in labels.items()},
        label_smoothing=smoothing,
        problem_type=problem_type,
        logits_f64={k: v.tolist() for k, v in pick("logits").items()},
        logits_f32_max_abs_err={k: error(0, k, v) for k, v in pick("logits").items()},
        loss_f64=values["loss"].item(),
        loss_f32_abs_err=error(0, "loss", values["loss"]),
        pooled_f64={k: v.tolist() for k, v in pick("pooled").items()},
        pooled_f32_max_abs_err={k: error(0, k, v) for k, v in pick("pooled").items()},
        hidden_states_f64=[values[f"hidden_states.{i}"].tolist() for i in range(count)],
        hidden_states_f32_max_abs_err=[
            error(0, f"hidden_states.{i}", values[f"hidden_states.{i}"]) for i in range(count)
        ],
        grad_l2_f64={k: v.norm().item() for k, v in gradients.items()},
        grad_f32_max_abs_err={k: error(1, k, v) for k, v in gradients.items()},
    )
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(expected, file, separators=(",", ":"))
        file.write("\n")
    save_file(
        {k: v.contiguous() for k, v in gradients.items()},
        os.path.join(folder, "gradients.safetensors"),
        metadata={"format": "pt"},
    )
    os.chmod(os.path.join(folder, "gradients.safetensors"), 0o644)
    print(
        f"{name:46} loss {expected['loss_f64']:.6f}  float32 loss error {expected['loss_f32_abs_err']:.1e}  "
        f"worst float32 gradient error {max(expected['grad_f32_max_abs_err'].values()):.1e}"
    )


if __name__ == "__main__":
    for case in CASES:
        write(*case)
