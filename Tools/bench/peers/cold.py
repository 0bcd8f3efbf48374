#!/usr/bin/env python3
"""What `ckpt predict FOLDER TEXT` does, by transformers: one process, one prediction."""

import os
import sys

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error")

from transformers import pipeline

print(pipeline("text-classification", model=sys.argv[1], device="cpu")(sys.argv[2]))
