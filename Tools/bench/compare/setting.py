"""Where programs, models and texts are, and how long to measure."""

import dataclasses
import glob
import os
import shutil
import subprocess
import sys

import texts

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "..", "peers")


@dataclasses.dataclass
class Setting:
    """What a session runs with; the folders are made by `prepare`."""

    python: str  # the peers'
    programs: str  # the folder of ours
    kernels: str  # the folder of the kernels' package
    ckpt: str
    minilm: str  # the folder of all-MiniLM-L6-v2
    cache: str
    threads: int = 2
    short: bool = False
    compile: bool = True

    @property
    def model(self):
        return os.path.join(self.cache, "bert-base")

    @property
    def converted(self):
        return os.path.join(self.cache, "converted")

    def graph(self, name):
        return os.path.join(self.converted, "onnxruntime", f"{name}.onnx")

    def lines(self, name):
        return os.path.join(self.cache, f"{name}{'-short' if self.short else ''}.txt")

    def scratch(self, name):
        return os.path.join(self.cache, "scratch", name)

    def peer(self, script, *options):
        return [self.python, os.path.join(PEERS, script), *map(str, options)]

    def program(self, name, *options):
        return [os.path.join(self.programs, name), *map(str, options)]

    def prepare(self, names):
        """Makes the models and the texts that the comparisons need and that are not there yet."""
        os.makedirs(self.scratch(""), exist_ok=True)
        subprocess.run(
            self.peer("checkpoint.py", "bert", self.model, self.minilm), check=True, stdout=sys.stderr
        )
        if {"inference", "int8", "sweep"} & set(names) and not os.path.isdir(
            os.path.join(self.converted, "onnxruntime")
        ):
            print("making the peers' models", file=sys.stderr)
            onnx = self.scratch("onnx")
            shutil.rmtree(onnx, ignore_errors=True)
            subprocess.run(
                [self.ckpt, "convert", self.model, onnx, "--to", "onnx"], check=True, capture_output=True
            )
            os.makedirs(self.converted, exist_ok=True)
            command = self.peer("checkpoint.py", "peers", self.model, onnx, self.converted)
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            shutil.rmtree(onnx, ignore_errors=True)
            if done.returncode:
                sys.exit(f"the peers' models could not be made:\n{done.stdout[-3000:]}")
        if "tokenizer" in names:
            size = dict(english=1_000_000, mixed=400_000) if self.short else {}
            for name in ("english", "mixed"):
                if not os.path.exists(self.lines(name)):
                    getattr(texts, name)(self.lines(name), **({"size": size[name]} if size else {}))

    def intel(self):
        """The library under which MKL takes any processor for Intel's; nothing where that changes nothing."""
        path = os.path.join(self.cache, "libintel.so")
        return path if os.path.exists(path) else ""

    def unlocked(self, environment):
        """`environment` with that library preloaded too; None where there is none."""
        if not self.intel():
            return None
        preloaded = ":".join(filter(None, (environment.get("LD_PRELOAD"), self.intel())))
        return environment | dict(LD_PRELOAD=preloaded)

    def allocator(self):
        """What an expert preloads under PyTorch: an allocator that keeps memory, on huge pages."""
        for folder in ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib"):
            for library in sorted(glob.glob(os.path.join(folder, "libjemalloc.so.2"))):
                return dict(
                    LD_PRELOAD=library,
                    MALLOC_CONF="thp:always,metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1",
                    THP_MEM_ALLOC_ENABLE="1",
                )
        return dict(THP_MEM_ALLOC_ENABLE="1")
