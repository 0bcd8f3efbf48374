#!/usr/bin/env python3
"""Every container of a BERT, read and written, against the libraries that made them.

    python3 Tools/interop.d/containers_check.py CHECKPOINT_FOLDER WORK_FOLDER SEED [PYTHON_WITH_TENSORFLOW]

Small models of six classes with random weights, and CHECKPOINT_FOLDER, a real one. Without the last argument what
TensorFlow writes and reads is not checked.
"""

import json
import os
import shutil
import subprocess
import sys

from common import Report, guarded, quiet

quiet()

import containers_hostile
import containers_models
import containers_read
import containers_values
import containers_write
import onnx_check
import transformers
from safetensors.torch import load_file

transformers.logging.set_verbosity_error()
# What llama.cpp's names can hold: no other heads.
HELD_BY_GGUF = ["BertModel", "BertForSequenceClassification"]


class TensorFlow:
    """containers_tf.py in its own environment; its lines go to our output."""

    def __init__(self, python, work):
        self.python, self.work, self.checks = python, work, []

    def run(self, report, verb, jobs):
        path = os.path.join(self.work, f"tensorflow-{verb}.json")
        with open(path, "w") as file:
            json.dump(jobs, file)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "containers_tf.py")
        done = subprocess.run([self.python, script, verb, path], capture_output=True, text=True)
        print(done.stdout, end="", flush=True)
        if done.returncode:
            report.failed += 1
            if "FAIL" not in done.stdout:
                print(f"FAIL containers: containers_tf.py {verb}: {' '.join(done.stderr.split())[-600:]}")


def small_models(report, work, seed, tensorflow):
    models = {}
    for number, architecture in enumerate(containers_models.HEADS):
        folder = os.path.join(work, architecture)
        shutil.rmtree(folder, ignore_errors=True)
        models[architecture] = (folder, containers_models.tiny(architecture, folder, seed + number))
    places = {name: os.path.join(work, f"{name}-tensorflow") for name in models}
    if tensorflow:
        jobs = [
            dict(folder=folder, out=places[name], slots=name == "BertForPreTraining")
            for name, (folder, _) in models.items()
        ]
        for job in jobs:
            shutil.rmtree(job["out"], ignore_errors=True)
        tensorflow.run(report, "write", jobs)
    for name, (folder, model) in models.items():
        gguf = name in HELD_BY_GGUF
        containers = containers_models.write_containers(folder, os.path.join(work, f"{name}-containers"), gguf)
        if tensorflow:
            containers["TensorFlow 1"] = os.path.join(places[name], "bert_model.ckpt.index")
            containers["Google's zip"] = os.path.join(places[name], "google.zip")
        containers_read.same_model(report, name, containers)
        place = os.path.join(work, f"{name}-written")
        formats = [form for form in containers_write.FORMATS if gguf or form != "gguf"]
        written = containers_write.every_pair(report, name, folder, place, formats)
        if written:
            containers_write.opened(report, name, model, folder, written)
            if tensorflow:
                prefix = os.path.join(written["tf1"], "bert_model.ckpt")
                tensorflow.checks.append(dict(name=name, folder=folder, prefix=prefix))
        onnx(report, name, folder, work)
    return models, places


def onnx(report, name, folder, work):
    path = os.path.join(work, f"{name}.onnx")
    if containers_write.convert(report, f"{name} to ONNX", folder, path, "--to", "onnx") is not None:
        report.failed += onnx_check.compare(folder, path).failed


def real_checkpoint(report, checkpoint, work):
    """A file of 91 MB that others made, with a constant in it that newer versions do not keep."""
    place = os.path.join(work, "real")
    containers = containers_models.write_containers(checkpoint, place)
    containers_read.same_model(report, "all-MiniLM-L6-v2", containers, pairs=False)
    shutil.rmtree(place)


def main():
    checkpoint, work, seed = sys.argv[1:4]
    os.makedirs(work, exist_ok=True)
    report = Report("containers")
    tensorflow = TensorFlow(sys.argv[4], work) if len(sys.argv) > 4 else None
    models, places = small_models(report, work, int(seed), tensorflow)

    folder, masked = models["BertForMaskedLM"]
    containers_write.ties(report, work, os.path.join(work, "BertForMaskedLM-containers", "legacy.bin"))
    containers_write.shards_load(report, masked, folder, work)
    containers_read.difference_is_found(
        report, load_file(os.path.join(folder, "model.safetensors")), folder, work
    )
    containers_read.training_arguments(report, work)
    folder, classifier = models["BertForSequenceClassification"]
    if tensorflow:
        archive = os.path.join(places["BertForSequenceClassification"], "google.zip")
        containers_write.google_classifier(report, classifier, archive, folder, work)
        tensorflow.run(report, "check", tensorflow.checks)
    containers_values.torch_files(report, work)
    containers_values.casts(report, work)
    containers_values.quantised(report, folder, work)
    bundle = os.path.join(places["BertModel"], "bert_model.ckpt") if tensorflow else None
    containers_hostile.hostile(report, os.path.join(work, "hostile"), bundle)
    real_checkpoint(report, checkpoint, work)
    report.finish()


if __name__ == "__main__":
    guarded(main)
