#!/usr/bin/env python3
"""Writes Fixtures/random/mkl_masks.json: dropout masks of a torch whose bernoulli_ goes through MKL's MCG31.

    python3 -m pip install torch==2.2.2 numpy==1.26.4 && python3 Tools/oracle/random_mkl_masks.py

`edges` are states of MCG31 next to keep * (2^31 - 1), found among 200 million each, and whether MKL keeps them: it
compares in single precision, which a rule in double precision gets wrong once in thirty million elements.

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


def powers(count):
    """1, a, a^2 ... of the generator's multiplier, modulo its modulus."""
    values = np.ones(count, np.uint64)
    done = 1
    while done < count:
        take = min(done, count - done)
        leap = np.uint64(int(values[done - 1]) * MULTIPLIER % MODULUS)
        values[done:done + take] = values[:take] * leap % np.uint64(MODULUS)
        done += take
    return values


MULTIPLIER, MODULUS, COUNT = 1132489760, 2**31 - 1, 10_000_000
steps, edges = powers(COUNT), []
for keep in (0.9, 0.5, 0.7, 0.8, 0.99):
    states = []
    for seed in range(20):
        torch.manual_seed(seed)
        mask = torch.empty(COUNT).bernoulli_(keep).numpy() > 0.5
        first = np.random.MT19937()
        first._legacy_seeding(seed)
        x = np.uint64(int(first.random_raw(1)[0]) % MODULUS or 1) * steps % np.uint64(MODULUS)
        near = np.abs(x.astype(np.int64) - int(keep * MODULUS)) < 400
        states += zip(x[near].tolist(), mask[near].tolist())
    edges.append({"keep": keep, "kept": sorted(x for x, k in states if k)[-6:],
                  "dropped": sorted(x for x, k in states if not k)[:6]})
v = {"torch": torch.__version__, "sequences": sequences,
     "long": {"seed": 11, "count": m.size, "p": 0.1, "kept": int(m.sum()), "last": packed(m[-4096:])}, "edges": edges}
(OUT / "mkl_masks.json").write_text(json.dumps(v, separators=(",", ":")) + "\n")
