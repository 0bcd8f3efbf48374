#!/usr/bin/env python3
"""TensorFlow's part of the check of containers, in an environment with TensorFlow (Tools/requirements/tf.txt).

    python3 Tools/interop.d/containers_tf.py write JOBS.json      HF_FOLDER -> PREFIX and PREFIX.zip for each
    python3 Tools/interop.d/containers_tf.py check JOBS.json      what TensorFlow reads of bundles that ckpt wrote

JOBS is a list. `write`: {"folder", "out", "slots"}: the folder's model as google-research/bert's trainer saves it, in
OUT/bert_model.ckpt with its configuration and vocabulary beside, and as Google's zip, OUT/google.zip. `check`:
{"name", "folder", "prefix"}: the checkpoint at PREFIX must hold the folder's weights under TensorFlow's names, kernels
transposed.
"""

import os
import pathlib
import sys
import zipfile

from common import Report, guarded, read_json

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "oracle"))
import foreign_tensorflow


def write(job):
    out = pathlib.Path(job["out"])
    out.mkdir(parents=True)
    foreign_tensorflow.bert_zip(job["folder"], out / "google.zip", slots=job["slots"])
    with zipfile.ZipFile(out / "google.zip") as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                (out / os.path.basename(name)).write_bytes(archive.read(name))


def expected(folder):
    """The folder's weights as google-research/bert names and lays them out."""
    from safetensors.numpy import load_file

    found = {}
    for name, array in load_file(os.path.join(folder, "model.safetensors")).items():
        place = foreign_tensorflow.google_name(name)
        if place is not None:
            found[place[0]] = array.T if place[1] else array
    return found


def check(report, job):
    import tensorflow as tf

    reader, wanted = tf.train.load_checkpoint(job["prefix"]), expected(job["folder"])
    shapes, types = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    name = f"TensorFlow reads {job['name']}"
    report.same(f"{name}: its names", sorted(shapes), sorted(wanted))
    report.same(
        f"{name}: shapes",
        {key: list(shape) for key, shape in shapes.items()},
        {key: list(array.shape) for key, array in wanted.items()},
    )
    report.same(f"{name}: types", {str(kind.name) for kind in types.values()}, {"float32"})
    wrong = [key for key in wanted if key not in shapes or reader.get_tensor(key).tobytes() != wanted[key].tobytes()]
    report.check(f"{name}: values, bit for bit, kernels transposed", not wrong, wrong[:3])


def main():
    verb, jobs = sys.argv[1], read_json(sys.argv[2])
    report = Report("containers")
    for job in jobs:
        write(job) if verb == "write" else check(report, job)
    report.finish()


if __name__ == "__main__":
    guarded(main)
