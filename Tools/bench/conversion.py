#!/usr/bin/env python3
"""Times and weighs conversions of a bert-base, ours and Python's. See conversion.

    conversion.py inputs FOLDER           a bert-base with random weights in every container, in FOLDER/inputs
    conversion.py pair FOLDER             each of what is timed once: one JSON object of seconds
    conversion.py memory FOLDER           every conversion once: its time and the peak of its anonymous memory
    conversion.py report FOLDER [--json]  what the two above printed, from pair-1.json … and memory.json
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

from session import load, print_machine, spread

CKPT = os.environ.get("CKPT", "ckpt")
# The ends we set ourselves: seconds, ratios and bytes.
LEAST_SPEED_UP, MOST_OF_A_COPY, MOST_INSPECT, MOST_MEMORY = 3.0, 1.2, 0.020, 300_000_000
PYTHON_CONVERSION = """
import json, sys, time
import torch
from safetensors.torch import save_file
start = time.perf_counter()
save_file(torch.load(sys.argv[1], weights_only=True), sys.argv[2], {"format": "pt"})
print(json.dumps(time.perf_counter() - start))
"""
PICKLED = {"PyTorch zip": "bin/pytorch_model.bin", "PyTorch legacy": "legacy/pytorch_model.bin"}
INPUTS = PICKLED | {
    "npz, compressed": "compressed.npz",
    "npz": "model.npz",
    "Google's zip": "google.zip",
    "GGUF": "model.gguf",
    "safetensors": "safetensors",
}


def inputs(options):
    """Made once; what is there already is taken as it is."""
    root = os.path.join(options.folder, "inputs")
    if os.path.exists(os.path.join(root, "done")):
        return
    import numpy
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    shutil.rmtree(root, ignore_errors=True)
    place = lambda *name: os.path.join(root, *name)
    for name in ("bin", "legacy", "safetensors"):
        os.makedirs(place(name))
    torch.manual_seed(42)
    model = transformers.BertModel(transformers.BertConfig())
    model.save_pretrained(place("safetensors"))
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{number}" for number in range(30522 - 5)]
    with open(place("safetensors", "vocab.txt"), "w") as file:
        file.writelines(word + "\n" for word in words)
    state = model.state_dict()
    torch.save(state, place(PICKLED["PyTorch zip"]))
    torch.save(state, place(PICKLED["PyTorch legacy"]), _use_new_zipfile_serialization=False)
    for name in ("bin", "legacy"):
        for file in ("config.json", "vocab.txt"):
            shutil.copy(place("safetensors", file), place(name))
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    numpy.savez(place("model.npz"), **arrays)
    numpy.savez_compressed(place("compressed.npz"), **arrays)
    subprocess.run([CKPT, "convert", place("safetensors"), place("model.gguf")], check=True, capture_output=True)
    google(place)
    open(place("done"), "w").close()


def google(place):
    """Google's zip: by TensorFlow where there is one, else our checkpoint in an archive of zipfile's."""
    environment = os.environ.get("INTEROP_VENV_TF")
    if environment:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle", "foreign_tensorflow.py")
        code = "import sys; sys.path.insert(0, sys.argv[1]); import foreign_tensorflow as f; f.bert_zip(*sys.argv[2:])"
        python = os.path.join(environment, "bin", "python")
        words = [python, "-c", code, os.path.dirname(script), place("safetensors"), place("google.zip")]
        subprocess.run(words, check=True, capture_output=True)
        return
    words = [CKPT, "convert", place("safetensors"), place("tf1"), "--to", "tf1"]
    subprocess.run(words, check=True, capture_output=True)
    shutil.make_archive(place("google"), "zip", place("tf1"))


def timed(*command):
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def warm(path):
    """Reads a file, so that it lies in the page cache."""
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(1 << 20)
        while file.readinto(buffer):
            pass


def pair(options):
    source = os.path.join(options.folder, "inputs", PICKLED["PyTorch zip"])
    out, seconds = os.path.join(options.folder, "out.safetensors"), {}

    def fresh():
        if os.path.exists(out):
            os.remove(out)
        # What the kernel still has to write, or to tell the disk of blocks that are free, would be in the next one's way.
        os.sync()
        time.sleep(0.5)
        warm(source)

    fresh()
    seconds["ours"], _ = timed(CKPT, "convert", source, out)
    fresh()
    seconds["python"], printed = timed(sys.executable, "-c", PYTHON_CONVERSION, source, out)
    seconds["python_work"] = json.loads(printed)
    fresh()
    seconds["copy"], _ = timed("cp", source, out)
    fresh()
    start = time.perf_counter()
    subprocess.run(["cp", source, out], check=True)
    with open(out, "rb+") as file:
        os.fsync(file.fileno())
    seconds["copy_fsync"] = time.perf_counter() - start
    fresh()
    seconds["inspect"] = min(timed(CKPT, "inspect", source)[0] for _ in range(5))
    seconds["inspect_folder"] = min(timed(CKPT, "inspect", os.path.dirname(source))[0] for _ in range(5))
    print(json.dumps(seconds))


def peak_anonymous(*command):
    """The most memory of a run that is no mapped file, looked at every millisecond, and the run's seconds."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as file:
                sizes = dict(line.split(":", 1) for line in file if line.startswith(("RssAnon", "RssShmem")))
            peak = max(peak, 1024 * sum(int(size.split()[0]) for size in sizes.values()))
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(0.001)
    seconds, error = time.perf_counter() - start, process.stderr.read().decode()
    if process.wait():
        sys.exit(f"{' '.join(command)}: exit {process.returncode}: {error}")
    return dict(seconds=seconds, peak_anonymous_bytes=peak)


def memory(options):
    out, rows = os.path.join(options.folder, "out"), []
    place = lambda name: os.path.join(options.folder, "inputs", INPUTS[name])
    runs = [("safetensors", form, []) for form in ("safetensors", "pytorch", "npz", "gguf", "tf1", "onnx")]
    runs += [("safetensors", "safetensors", ["--dtype", kind]) for kind in ("F16", "BF16", "F64")]
    runs += [("safetensors", "gguf", ["--dtype", kind]) for kind in ("Q8_0", "Q4_0")]
    runs += [("safetensors", "safetensors", ["--shard-size", "100MB"])]
    runs += [(name, "safetensors", []) for name in INPUTS if name != "safetensors"]
    runs += [("Google's zip", "pytorch", []), ("npz, compressed", "tf1", [])]
    runs += [("PyTorch legacy", "npz", ["--dtype", "F16"])]
    for source, form, extra in runs:
        shutil.rmtree(out, ignore_errors=True)
        os.sync()
        found = peak_anonymous(CKPT, "convert", place(source), out, "--to", form, *extra)
        rows.append(dict(source=source, to=form, options=" ".join(extra), **found))
    shutil.rmtree(out, ignore_errors=True)
    for verb, source in [("hash", "safetensors"), ("verify", "Google's zip"), ("hash", "npz, compressed")]:
        rows.append(dict(source=source, to=f"({verb})", options="", **peak_anonymous(CKPT, verb, place(source))))
    print(json.dumps(rows))


def report(options):
    import safetensors
    import torch

    machine, rows = load(options.folder, "machine.json"), []
    while found := load(options.folder, f"pair-{len(rows) + 1}.json"):
        rows.append(found)
    over = lambda above, below: spread([row[above] / row[below] for row in rows])
    summary = dict(
        machine=machine,
        versions=dict(torch=torch.__version__, safetensors=safetensors.__version__),
        bytes=os.path.getsize(os.path.join(options.folder, "inputs", PICKLED["PyTorch zip"])),
        pairs=rows,
        seconds={key: spread([row[key] for row in rows]) for key in rows[0]},
        python_over_ours=over("python", "ours"),
        python_work_over_ours=over("python_work", "ours"),
        ours_over_copy=over("ours", "copy"),
        ours_over_copy_fsync=over("ours", "copy_fsync"),
        memory=load(options.folder, "memory.json"),
    )
    if options.json:
        print(json.dumps(summary, indent=2))
        return
    print_machine(machine, ", ".join(f"{name} {version}" for name, version in summary["versions"].items()))
    print(f"\n{summary['bytes'] / 1e6:.0f} MB pytorch_model.bin, {len(rows)} turns        median      min      max")
    for key, label in (
        ("ours", "ckpt convert to safetensors, with its reading back"),
        ("python", "torch.load and save_file, the process"),
        ("python_work", "torch.load and save_file, without the imports"),
        ("copy", "cp"),
        ("copy_fsync", "cp and fsync"),
        ("inspect", "ckpt inspect of the file"),
        ("inspect_folder", "ckpt inspect of the folder"),
        ("steal_seconds", "stolen in a turn"),
    ):
        found = summary["seconds"][key]
        print(f"{label:<52}" + "".join(f"{found[part]:8.4f} " for part in ("median", "min", "max")) + "s")
    for key, label, target in (
        ("python_over_ours", "Python's process over ours", f"at least {LEAST_SPEED_UP}"),
        ("python_work_over_ours", "Python's work over our process", ""),
        ("ours_over_copy", "ours over cp", f"at most {MOST_OF_A_COPY}"),
        ("ours_over_copy_fsync", "ours over cp and fsync", ""),
    ):
        found = summary[key]
        print(f"{label:<52}" + "".join(f"{found[part]:8.2f} " for part in ("median", "min", "max")) + target)
    print(f"inspect: at most {MOST_INSPECT * 1000:.0f} ms")
    print(f"\n{'from':<16} {'to':<12} {'':<22} {'seconds':>8} {'anonymous MB':>13}")
    for row in summary["memory"]:
        mark = "" if row["peak_anonymous_bytes"] < MOST_MEMORY else f"  more than {MOST_MEMORY / 1e6:.0f}"
        print(
            f"{row['source']:<16} {row['to']:<12} {row['options']:<22} {row['seconds']:8.2f} "
            f"{row['peak_anonymous_bytes'] / 1e6:13.1f}{mark}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    for action in (inputs, pair, memory, report):
        one = commands.add_parser(action.__name__)
        one.add_argument("folder")
        one.set_defaults(action=action)
        if action is report:
            one.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.action(options)
