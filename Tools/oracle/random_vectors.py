#!/usr/bin/env python3
"""Writes Fixtures/random/torch.json and Fixtures/random/numpy.json: what torch and NumPy draw from given seeds.

    python3 -m pip install torch==2.15.0 numpy==2.4.6 && python3 Tools/oracle/random_vectors.py

Needs a processor with AVX2 (torch's other builds round some normal values differently). The MKL masks of torch 2.2
need an Intel processor and are made by random_mkl_masks.py.
"""
import base64
import json
import pathlib

import numpy as np
import torch

OUT = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "random"
torch.set_num_threads(1)


def generator(seed):
    g = torch.Generator()
    g.manual_seed(seed)
    return g


def bits(t):
    return t.numpy().view(np.uint32).tolist()


def fnv(values):
    """FNV-1a over 32-bit words: a fixture of one number for a long stream."""
    h = 0xCBF29CE484222325
    for v in values:
        h = ((h ^ int(v)) * 0x100000001B3) & (2**64 - 1)
    return str(h)


def packed(mask):
    return base64.b64encode(np.packbits(mask.astype(np.uint8), bitorder="little").tobytes()).decode()


def int64(g):
    return torch.empty((), dtype=torch.int64).random_(generator=g).item()


def raw32(g, n):
    """torch shows its 32-bit draws through an int32 random_ of the full range: 31 bits; take the state instead."""
    return torch.empty(n, dtype=torch.float32).uniform_(generator=g).mul_(2**24).to(torch.int64).tolist()


def torch_vectors():
    seeds = [0, 1, 42, 5489, 2**32 - 1, 2**32 + 42, 2**63, 2**64 - 1]
    v = {"torch": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability()}
    v["low24"] = [{"seed": str(s), "values": raw32(generator(s), 8)} for s in seeds]
    # 5000 draws cross the state's end several times
    v["low24_hash"] = [{"seed": str(s), "count": 5000, "hash": fnv(raw32(generator(s), 5000))} for s in seeds]
    v["int64"] = [{"seed": str(s), "values": [str(int64(g)) for _ in range(3)]} for s in seeds for g in [generator(s)]]
    v["randperm"] = [{"seed": s, "count": n, "values": torch.randperm(n, generator=generator(s)).tolist()}
                     for n, s in ((0, 0), (1, 0), (2, 3), (10, 0), (10, 42), (105, 42), (105, 56))]
    v["randperm_hash"] = [{"seed": s, "count": n, "hash": fnv(torch.randperm(n, generator=generator(s)).tolist())}
                          for n, s in ((1000, 1), (40000, 7))]
    # several calls on one generator: the cached value and the redrawn tail show only then
    v["normal"] = []
    for seed in (0, 42, 12345):
        g = generator(seed)
        calls = []
        for n, mean, std in ((5, 0, 1), (3, 0.5, 0.02), (16, 0, 0.02), (1, 0, 1), (19, -1.5, 3), (32, 0.25, 0.02), (7, 0.1, 0.3), (0, 0, 1), (47, 0, 1)):
            calls.append({"count": n, "mean": mean, "std": std, "bits": bits(torch.empty(n).normal_(mean, std, generator=g))})
        v["normal"].append({"seed": seed, "calls": calls})
    v["normal_hash"] = [{"seed": s, "count": n, "mean": m, "std": d,
                         "hash": fnv(bits(torch.empty(n).normal_(m, d, generator=generator(s))))}
                        for s, n, m, d in ((42, 1152, 0, 0.02), (42, 2304, 0, 0.02), (7, 100000, 0, 1), (8, 100003, 0.5, 2))]
    v["dropout"] = []
    for seed, parts in ((42, [(64, 0.1), (2000, 0.1), (64, 0.5)]), (3, [(7, 0.3), (0, 0.3), (1, 0.999), (2500, 0.25), (9, 0.0), (9, 1.0), (100, 1e-9), (40, 0.1)])):
        torch.manual_seed(seed)
        masks = []
        for n, p in parts:
            m = torch.nn.functional.dropout(torch.ones(n), p, True) > 0
            masks.append({"count": n, "p": p, "kept": int(m.sum()), "mask": packed(m.numpy())})
        v["dropout"].append({"seed": seed, "masks": masks, "then": str(int64(torch.default_generator))})
    # an odd number of draws first, so that pairs straddle the end of the state
    torch.manual_seed(42)
    torch.empty(19).normal_()
    m = torch.nn.functional.dropout(torch.ones(3000), 0.1, True) > 0
    v["dropout_after_odd"] = {"seed": 42, "normals": 19, "count": 3000, "p": 0.1, "mask": packed(m.numpy())}
    # the twenty masks of a first training step of a six-layer BERT (batch 8, 14 tokens, 384 wide, 12 heads)
    torch.manual_seed(42)
    int64(torch.default_generator)
    shapes = [(8, 14, 384)] + [(8, 12, 14, 14), (8, 14, 384), (8, 14, 384)] * 6 + [(8, 384)]
    v["step_kept"] = [[int(np.prod(s)), int((torch.nn.functional.dropout(torch.ones(s), 0.1) > 0).sum())] for s in shapes]
    # states: fresh, mid-block with a cached normal, and exactly at the end of the state
    states = []
    for seed, normals, draws in ((7, 0, 0), (2**40 + 7, 3, 0), (42, 0, 624)):
        g = generator(seed)
        if normals: torch.empty(normals).normal_(generator=g)
        if draws: torch.empty(draws).uniform_(generator=g)
        blob = g.get_state().numpy().tobytes()
        states.append({"seed": str(seed), "normals": normals, "draws": draws, "state": base64.b64encode(blob).decode(),
                       "then_normals": bits(torch.empty(2).normal_(generator=g)), "then_int64": str(int64(g))})
    v["states"] = states
    return v


def numpy_vectors():
    v = {"numpy": np.__version__, "streams": [], "large": []}
    for seed in (0, 1, 42, 2**32 - 1, 2**40, 2**64 - 1):
        r = np.random.default_rng(seed)
        v["streams"].append({
            "seed": str(seed),
            "seed_sequence": np.random.SeedSequence(seed).generate_state(8).tolist(),
            "raw": [str(x) for x in np.random.default_rng(seed).bit_generator.random_raw(6)],
            # one generator, one call after the other: the buffered half must survive
            "permutation15": r.permutation(15).tolist(),
            "choice1of3": r.choice(np.arange(3), 1, replace=False).tolist(),
            "choice5of9": r.choice(np.arange(9), 5, replace=False).tolist(),
            "choice4of4": r.choice(np.arange(4), 4, replace=False).tolist(),
            "choice0of4": r.choice(np.arange(4), 0, replace=False).tolist(),
            "permuted": r.permutation(np.arange(100, 107)).tolist(),
        })
    r = np.random.default_rng(9)
    v["large"] = {
        "seed": 9,
        "permutation70000": fnv(r.permutation(70000)),
        "choice300of20000": fnv(r.choice(np.arange(20000), 300, replace=False)),     # Floyd
        "choice500of20000": fnv(r.choice(np.arange(20000), 500, replace=False)),     # tail shuffle
        "choice20000of20000": fnv(r.choice(np.arange(20000), 20000, replace=False)),
    }
    b = []
    for limit in (1, 6, 255, 1000, 3 * 2**30, 2**32 - 2, 2**32 - 1, 2**32, 3 * 2**62, 2**64 - 1):
        r = np.random.default_rng(limit % 97)
        b.append({"seed": limit % 97, "limit": str(limit), "values": [str(r.integers(0, limit, dtype=np.uint64, endpoint=True)) for _ in range(5)]})
    v["bounded"] = b
    return v


OUT.mkdir(parents=True, exist_ok=True)
for name, vectors in (("torch.json", torch_vectors()), ("numpy.json", numpy_vectors())):
    (OUT / name).write_text(json.dumps(vectors, separators=(",", ":")) + "\n")
