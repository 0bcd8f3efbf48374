#!/usr/bin/env python3
"""Our client against the fake hub, with faults, and with Python on the other side of it and of the cache.

    python3 Tools/interop.d/hub_check.py CHECKPOINT_FOLDER WORK_FOLDER PYTHON...

Run by a Python with transformers; each further PYTHON has another huggingface_hub. CKPT names `ckpt`.
"""

import os
import pathlib
import sys

import common
from hub_contract import safetensors
from hub_cross import crossing
from hub_names import failing, naming
from hub_pull import caching, pulling
from hub_push import pushing
from hub_train import training
from hub_world import MODEL, World


def main():
    checkpoint, work, *pythons = sys.argv[1:]
    world, report = World(work), common.Report("hub")
    files = {
        "config.json": b'{"model_type": "bert"}\n',
        "model.safetensors": safetensors(3_000_000),
        "pytorch_model.bin": b"a pickle",
        "sub/a b+\u00fc.json": b"{}",
        "vocab.txt": b"[PAD]\n",
    }
    world.fake.add(MODEL, files)
    bert = {}
    for folder, _, names in os.walk(checkpoint, followlinks=True):
        for name in names:
            path = os.path.join(folder, name)
            if not name.startswith("."):
                bert[os.path.relpath(path, checkpoint)] = pathlib.Path(path).read_bytes()
    world.fake.add("user/bert", bert)
    pulling(world, report, files)
    naming(world, report, checkpoint)
    failing(world, report)
    pushing(world, report, checkpoint)
    training(world, report, checkpoint)
    caching(world, report)
    crossing(world, report, [sys.executable, *pythons], files, checkpoint)
    report.finish()


if __name__ == "__main__":
    common.guarded(main)
