#!/usr/bin/env python3
"""Reference values of the real all-MiniLM-L6-v2 checkpoint with a three-label head.

    python3 Tools/oracle/bert_golden.py [CHECKPOINT_FOLDER] [OUTPUT_FOLDER]

The checkpoint defaults to what `Tools/fetch-checkpoint all-MiniLM-L6-v2` prints, the output to
Fixtures/golden/minilm. Made with torch 2.15.0, transformers 5.23.0, safetensors 0.8.0
(Tools/requirements/a.txt), one thread. The head is transformers' own after `set_seed(42)`; dropout is 0.
Everything is float64 but for what says f32, the error of PyTorch float32 (sdpa) against it.

  head.safetensors            the initial `classifier.weight` [3, 384] and `classifier.bias` [3], F32
  forward.json                20 texts: ids, logits, probabilities, a summary of every layer's hidden states
  hidden_states.safetensors   all layers and the pooler of texts 0 and 12, F32
  gradients.json              a batch of 8 Iris rows [8, 14] and a padded one [8, 33]: loss, logits, gradient norms
  adamw.json                  five steps on the Iris batch as Trainer takes them: losses, norms, parameters
"""

import json
import os
import subprocess
import sys

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    get_scheduler,
    set_seed,
)

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHECKPOINT = (
    sys.argv[1]
    if len(sys.argv) > 1
    else subprocess.check_output(
        [os.path.join(ROOT, "Tools", "fetch-checkpoint"), "all-MiniLM-L6-v2"], text=True
    ).strip()
)
OUT = sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "Fixtures", "golden", "minilm")

TEXTS = [
    "5.1 3.5 1.4 0.2",
    "7.0 3.2 4.7 1.4",
    "6.3 3.3 6.0 2.5",
    "5.9 3.0 5.1 1.8",
    "4.9 3.1 1.5 0.1",
    "a b c d",
    "100 200 300 400",
    "-1 -2 -3 -4",
    "0 0 0 0",
    "5.1",
    "",
    "5.1,3.5,1.4,0.2",
    "The quick brown fox jumps over the lazy dog.",
    "5.1 3.5 1.4 0.2 5.1 3.5 1.4 0.2",
    "Iris setosa",
    "9999999999 1e10 NaN inf",
    "5,1 3,5 1,4 0,2",
    "Ünïcödé naïve café — déjà vu… 日本語 😀",
    "sepal length 5.1 cm, sepal width 3.5 cm, petal length 1.4 cm, petal width 0.2 cm",
    "word " * 700,
]
IRIS = [
    "5.1 3.5 1.4 0.2",
    "7.0 3.2 4.7 1.4",
    "6.3 3.3 6.0 2.5",
    "4.9 3.0 1.4 0.2",
    "6.4 3.2 4.5 1.5",
    "5.8 2.7 5.1 1.9",
    "4.7 3.2 1.3 0.2",
    "6.9 3.1 4.9 1.5",
]
MIXED = [TEXTS[i] for i in (0, 5, 12, 17, 9, 10, 18, 14)]
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])

tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
collate = DataCollatorWithPadding(tokenizer)


def load(dtype=torch.float32, attention="sdpa"):
    set_seed(42)
    return AutoModelForSequenceClassification.from_pretrained(
        CHECKPOINT,
        num_labels=3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation=attention,
    ).to(dtype)


def load_f64():
    return load(torch.float64, "eager")


def worst(a, b):
    return (a.double() - b.double()).abs().max().item()


def write(name, value):
    with open(os.path.join(OUT, name), "w") as file:
        json.dump(value, file, separators=(",", ":"), ensure_ascii=False)
        file.write("\n")


def write_tensors(name, tensors):
    path = os.path.join(OUT, name)
    save_file({k: v.contiguous() for k, v in tensors.items()}, path, metadata={"format": "pt"})
    os.chmod(path, 0o644)


def forward():
    f32, f64 = load().eval(), load_f64().eval()
    write_tensors(
        "head.safetensors", {f"classifier.{k}": v.detach() for k, v in f32.classifier.named_parameters()}
    )
    encoded = [tokenizer(text, truncation=True, max_length=512) for text in TEXTS]
    rows, tensors = [], {}
    with torch.no_grad():
        for index, (text, row) in enumerate(zip(TEXTS, encoded)):
            inputs = {k: torch.tensor([v]) for k, v in row.items()}
            exact, single = (m(**inputs, output_hidden_states=True) for m in (f64, f32))
            rows.append(
                dict(
                    text=text,
                    input_ids=row["input_ids"],
                    logits=exact.logits[0].tolist(),
                    logits_f32_max_abs_err=worst(single.logits, exact.logits),
                    probabilities=exact.logits[0].softmax(-1).tolist(),
                    hidden_states=[
                        dict(
                            sum=h.sum().item(),
                            l2=h.norm().item(),
                            first4=h[0, 0, :4].tolist(),
                            last4=h[0, -1, -4:].tolist(),
                            f32_max_abs_err=worst(h32, h),
                        )
                        for h, h32 in zip(exact.hidden_states, single.hidden_states)
                    ],
                )
            )
            if index in (0, 12):
                for layer, hidden in enumerate(exact.hidden_states):
                    tensors[f"text{index}.hidden_states.{layer}"] = hidden[0].float()
                tensors[f"text{index}.pooled"] = f64.bert(**inputs).pooler_output[0].float()
        batch = tokenizer.pad({k: [row[k] for row in encoded[:19]] for k in encoded[0]}, return_tensors="pt")
        exact, single = f64(**batch).logits, f32(**batch).logits
    write_tensors("hidden_states.safetensors", tensors)
    write(
        "forward.json",
        dict(
            texts=rows,
            padded_first_19=dict(
                shape=list(batch["input_ids"].shape),
                logits=exact.tolist(),
                logits_f32_max_abs_err=worst(single, exact),
            ),
        ),
    )


def backward(texts):
    batch = collate([dict(tokenizer(text)) for text in texts])
    models, losses, logits = [load_f64(), load()], [], []
    for model in models:
        result = model.train()(**batch, labels=LABELS)
        result.loss.backward()
        losses.append(result.loss.item())
        logits.append(result.logits.detach())
    exact, single = models
    total = lambda model: torch.nn.utils.get_total_norm([p.grad.double() for p in model.parameters()]).item()
    return dict(
        texts=texts,
        labels=LABELS.tolist(),
        shape=list(batch["input_ids"].shape),
        loss=losses[0],
        loss_f32_abs_err=abs(losses[1] - losses[0]),
        logits=logits[0].tolist(),
        logits_f32_max_abs_err=worst(logits[1], logits[0]),
        total_norm=total(exact),
        total_norm_f32_abs_err=abs(total(single) - total(exact)),
        parameters={
            name: dict(
                l2=p.grad.norm().item(),
                sum=p.grad.sum().item(),
                first=p.grad.flatten()[:2].tolist(),
                f32_max_abs_err=worst(q.grad, p.grad),
            )
            for (name, p), q in zip(exact.named_parameters(), single.parameters())
        },
    )


def five_steps(model, **options):
    """Trainer's step: clip at 1, AdamW with two groups, then the linear schedule of the 210-step run."""
    model.train()
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    plain = lambda name: "bias" in name or "LayerNorm" in name
    optimizer = torch.optim.AdamW(
        [
            dict(params=[p for n, p in model.named_parameters() if not plain(n)], weight_decay=0.01),
            dict(params=[p for n, p in model.named_parameters() if plain(n)], weight_decay=0.0),
        ],
        lr=2e-5,
        betas=(0.9, 0.999),
        eps=1e-8,
        **options,
    )
    schedule = get_scheduler("linear", optimizer, 0, 210)
    batch = collate([dict(tokenizer(text)) for text in IRIS])
    losses, norms = [], []
    for _ in range(5):
        loss = model(**batch, labels=LABELS).loss
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        optimizer.step()
        schedule.step()
        model.zero_grad()
    return dict(
        losses=losses,
        grad_norms=norms,
        parameters={
            n: dict(
                sum=p.detach().double().sum().item(),
                l2=p.detach().double().norm().item(),
                delta_l2=(p.detach() - before[n]).double().norm().item(),
                first=p.detach().flatten()[:2].tolist(),
            )
            for n, p in model.named_parameters()
        },
    )


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    forward()
    write("gradients.json", dict(iris=backward(IRIS), padded=backward(MIXED)))
    write(
        "adamw.json",
        dict(
            texts=IRIS, labels=LABELS.tolist(), f64=five_steps(load_f64()), f32=five_steps(load(), fused=True)
        ),
    )
    for name in sorted(os.listdir(OUT)):
        print(f"{os.path.getsize(os.path.join(OUT, name)):8} {name}")
