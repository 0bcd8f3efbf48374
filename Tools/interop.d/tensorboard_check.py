#!/usr/bin/env python3
"""Reads a run's event file with TensorBoard itself, and compares it with what Trainer writes and with the run's logs.

    python3 Tools/interop.d/tensorboard_check.py RUN_FOLDER TAGS.json

TAGS.json is Fixtures/reports/tensorboard_tags.json, made with Trainer's own callback.
"""

import glob
import json
import os
import re
import struct
import sys

from common import Report, guarded, read_json, quiet

quiet()


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def main():
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    run, reference = sys.argv[1], read_json(sys.argv[2])
    report = Report("tensorboard")
    files = glob.glob(os.path.join(run, "runs", "*", "*"))
    if not report.check("one event file", len(files) == 1, f"{len(files)} files"):
        report.finish()
    folder, name = files[0].split(os.sep)[-2:]
    report.check(
        "named as SummaryWriter names it",
        re.fullmatch(r"[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_[\w.-]+", folder)
        and re.fullmatch(r"events\.out\.tfevents\.\d{10}\.[\w.-]+\.\d+\.0", name),
        f"{folder}/{name}",
    )
    # The loader checks both checksums of every record, and ends without a word at the first wrong one.
    records = len(list(RawEventFileLoader(files[0]).Load()))
    events = EventAccumulator(files[0], size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    report.check("the file's version", events.file_version == 2.0, events.file_version)
    tags = events.Tags()
    report.same("the scalars of Trainer", sorted(tags["scalars"]), sorted(reference["scalars"]))
    report.same("the texts of Trainer", sorted(tags["tensors"]), sorted(reference["tensors"]))
    scalars = {tag: events.Scalars(tag) for tag in tags["scalars"]}
    count = 1 + sum(map(len, scalars.values())) + len(tags["tensors"])
    report.check("every record is read", records == count, f"{records} records, {count} expected")

    history = read_json(run, "trainer_state.json")["log_history"]
    for prefix, key in (("eval", "eval_loss"), ("train", "loss"), ("train", "grad_norm"), ("train", "learning_rate")):
        tag = f"{prefix}/{key.removeprefix('eval_')}"
        expected = [(entry["step"], float32(entry[key])) for entry in history if key in entry]
        report.same(f"{tag} as logged", [(e.step, e.value) for e in scalars.get(tag, [])], expected)
    last = history[-1]
    for key in ("train_loss", "train_runtime", "total_flos"):
        found = [(e.step, e.value) for e in scalars.get(f"train/{key}", [])]
        report.same(f"train/{key} at the end", found, [(last["step"], float32(last[key]))])
    for tag in tags["tensors"]:
        text = events.Tensors(tag)[0].tensor_proto.string_val[0].decode()
        report.check(f"{tag} is JSON", isinstance(json.loads(text), dict))
    report.finish()


if __name__ == "__main__":
    guarded(main)
