#!/usr/bin/env python3
"""Writes Fixtures/kernels/torch.json: how far torch's float32 operations are from float64, and AdamW steps.

    python3 -m pip install torch==2.15.0 numpy==2.4.6 && python3 Tools/oracle/kernels_errors.py

Inputs come from a generator that Tests/TensorsTests/Numbers.swift repeats, so the file holds errors only: the largest
absolute difference of torch's float32 result from the float64 result for the same float32 inputs.
"""
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "kernels"
torch.set_num_threads(1)


def numbers(count, seed, scale=1.0):
    """float32 in -scale ..< scale: a linear congruential generator's 32 bits as a signed fraction."""
    state, out = seed, np.empty(count, np.int64)
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state - (1 << 32 if state >= 1 << 31 else 0)
    return torch.from_numpy(out.astype(np.float32) * np.float32(2.0**-31) * np.float32(scale))


errors = {}


def compare(name, function, *inputs, gradient=None):
    """Errors of function(*inputs) and, when an output gradient is given, of the gradients of every input."""
    results = {}
    for dtype in (torch.float32, torch.float64):
        leaves = [x.detach().to(dtype).clone().requires_grad_(gradient is not None) for x in inputs]
        y = function(*leaves)
        results[dtype] = [y.detach()]
        if gradient is not None:
            y.backward(gradient.to(dtype))
            results[dtype] += [x.grad for x in leaves]
    for index, (a, b) in enumerate(zip(results[torch.float32], results[torch.float64])):
        errors[name if index == 0 else f"{name}.d{index}"] = (a.double() - b).abs().max().item()


def gelu_new(x):  # as transformers 5.23, NewGELUActivation
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


x, dy = numbers(4096, 1, 8), numbers(4096, 2)
compare("exp", torch.exp, x)
compare("erf", torch.erf, x)
compare("tanh", torch.tanh, x, gradient=dy)
compare("gelu", F.gelu, x, gradient=dy)
compare("gelu_tanh", gelu_new, x, gradient=dy)
compare("relu", F.relu, x, gradient=dy)

for columns in (14, 128, 509):
    x, dy = numbers(16 * columns, 3, 40).view(16, columns), numbers(16 * columns, 4).view(16, columns)
    compare(f"softmax_{columns}", lambda x: torch.softmax(x * 0.125, -1), x, gradient=dy)

for columns in (32, 384, 768):
    x, dy = numbers(70 * columns, 5, 3).view(70, columns) + 0.5, numbers(70 * columns, 6).view(70, columns)
    gamma, beta = numbers(columns, 7) + 1, numbers(columns, 8)
    compare(
        f"layernorm_{columns}", lambda x, g, b, c=columns: F.layer_norm(x, (c,), g, b, 1e-12), x, gamma, beta,
        gradient=dy)

for rows, columns in ((8, 3), (4, 30522)):
    x = numbers(rows * columns, 9, 12).view(rows, columns)
    targets = torch.tensor([(r * 7919) % columns for r in range(rows)])
    for smoothing in (0.0, 0.1):
        # One gradient of 1/rows for every row, as the mean has.
        compare(
            f"cross_entropy_{columns}_{smoothing}",
            lambda x, t=targets, s=smoothing: F.cross_entropy(x, t, label_smoothing=s, reduction="none"), x,
            gradient=torch.full((rows,), 1 / rows))

for m, n, k in ((19, 35, 768), (14, 70, 3072), (67, 33, 112)):
    compare(
        f"product_{k}", lambda a, b: a @ b.T, numbers(m * k, 10).view(m, k), numbers(n * k, 11).view(n, k),
        gradient=numbers(m * n, 12).view(m, n))

for tokens, size in ((14, 64), (37, 32)):
    q, k, v, dy = (numbers(tokens * size, 13 + i, 2).view(tokens, size) for i in range(4))
    compare(
        f"attention_{tokens}", lambda q, k, v, d=size: torch.softmax(q @ k.T / math.sqrt(d), -1) @ v, q, k, v,
        gradient=dy)

# Three steps of the fused AdamW, from which trainers of transformers choose theirs.
p = torch.nn.Parameter(numbers(67, 20))
optimiser = torch.optim.AdamW([p], lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, fused=True)
for step in range(3):
    p.grad = numbers(67, 21 + step, 0.1)
    optimiser.step()
state = optimiser.state[p]


def bits(t):
    return t.detach().numpy().view(np.uint32).tolist()


adamw = {"parameters": bits(p), "first": bits(state["exp_avg"]), "second": bits(state["exp_avg_sq"])}
(OUT / "torch.json").write_text(json.dumps({"errors": errors, "adamw": adamw}, indent=1) + "\n")
