#!/usr/bin/env python3
"""Writes Fixtures/random/mkl_masks.json: dropout masks of a torch whose bernoulli_ goes through MKL's MCG31.

    python3 -m pip install torch==2.2.2 numpy==1.26.4 && python3 Tools/oracle/random_mkl_masks.py

Refuses to write when this torch takes more than one draw a mask: then it was built, or runs, without MKL.
"""
import base64
import json
import pathlib
import struct

import numpy as np
import torch

OUT = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "random"
torch.set_num_threads(1)


def packed(mask):
    return base64.b64encode(np.packbits(mask.astype(np.uint8), bitorder="little").tobytes()).decode()


torch.manual_seed(42)
torch.nn.functional.dropout(torch.ones(20), 0.1, True)
if struct.unpack("<QiiQ", torch.get_rng_state().numpy().tobytes()[:24])[3] != 1:
    raise SystemExit("this torch does not draw dropout masks through MKL: use torch 2.2.2 for x86-64")
sequences = []
for seed, parts in ((42, [(64, 0.1), (2000, 0.1), (64, 0.5)]), (3, [(7, 0.3), (0, 0.3), (1, 0.999), (2500, 0.25), (9, 0.0), (9, 1.0), (100, 1e-9), (40, 0.1)]),
                    (2**32 + 5, [(1000, 1 / 3), (33, 0.9), (31, 0.9), (32, 0.9)])):
    torch.manual_seed(seed)
    masks = []
    for n, p in parts:
        m = torch.nn.functional.dropout(torch.ones(n), p, True) > 0
        masks.append({"count": n, "p": p, "kept": int(m.sum()), "mask": packed(m.numpy())})
    then = str(torch.empty((), dtype=torch.int64).random_().item())
    sequences.append({"seed": str(seed), "masks": masks, "then": then})
torch.manual_seed(11)
m = (torch.nn.functional.dropout(torch.ones(1_000_000), 0.1, True) > 0).numpy()
v = {"torch": torch.__version__, "sequences": sequences,
     "long": {"seed": 11, "count": m.size, "p": 0.1, "kept": int(m.sum()), "last": packed(m[-4096:])}}
(OUT / "mkl_masks.json").write_text(json.dumps(v, separators=(",", ":")) + "\n")
