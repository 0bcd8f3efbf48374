"""Runs `ckpt` where it may fail, within limits: exit code and both streams."""

import dataclasses
import json
import os
import shutil
import subprocess


@dataclasses.dataclass
class Done:
    code: int  # negative: the signal that ended it
    output: str
    error: str

    @property
    def answer(self):
        """The last object of `--json`, or None."""
        lines = [line for line in self.output.split("\n") if line.strip()]
        try:
            return json.loads(lines[-1]) if lines else None
        except json.JSONDecodeError:
            return None


def run(*arguments, memory=None, cpu_seconds=None):
    """One run of the `ckpt` that the CKPT variable names.

    With `memory` (bytes that it may write to: what is mapped from files does not count) and `cpu_seconds`, where this
    system has prlimit; what needs more fails, and most likely ends by a signal.
    """
    limits = []
    if (memory or cpu_seconds) and shutil.which("prlimit"):
        limits = ["prlimit"] + [f"--data={memory}"] * bool(memory) + [f"--cpu={cpu_seconds}"] * bool(cpu_seconds)
    done = subprocess.run(
        [*limits, os.environ.get("CKPT", "ckpt"), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    return Done(done.returncode, done.stdout, done.stderr)
