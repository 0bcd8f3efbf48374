#!/usr/bin/env python3
"""Writes the checkpoints that safetensors_check.py opens, with whichever transformers this environment has.

    python3 Tools/interop.d/safetensors_write.py EXPORT_FOLDER OUT_FOLDER

  OUT/plain      save_pretrained
  OUT/sharded    save_pretrained in shards of 5 MB, with an index
  OUT/float16    save_pretrained of the model in half precision, and bfloat16 likewise
Each with the tokenizer, and with `logits.json`: what the saved weights give for the probe texts in float32.
"""

import json
import os
import sys

from common import PROBES, quiet

quiet()

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

export, out = sys.argv[1:3]
tokenizer = AutoTokenizer.from_pretrained(export)
for name, dtype, options in (
    ("plain", None, {}),
    ("sharded", None, dict(max_shard_size="5MB")),
    ("float16", torch.float16, {}),
    ("bfloat16", torch.bfloat16, {}),
):
    model = AutoModelForSequenceClassification.from_pretrained(export).eval()
    if dtype:
        model.to(dtype)
    folder = os.path.join(out, name)
    model.save_pretrained(folder, **options)
    tokenizer.save_pretrained(folder)
    model.float()
    with torch.no_grad():
        logits = [model(**tokenizer(text, return_tensors="pt")).logits[0].tolist() for text in PROBES]
    with open(os.path.join(folder, "logits.json"), "w") as file:
        json.dump(logits, file)
