"""What the checks of Tools/interop share: how they report, how they call `ckpt`, and the probe texts."""

import json
import os
import subprocess
import sys

# The notebook's ten probe texts: flowers, absurd magnitudes, number formats, letters.
PROBES = [
    "5.1 3.5 1.4 0.2",
    "6.3 3.3 6.0 2.5",
    "10000.1 1700.8 10.9 107.1",
    "10000.1 1700.8 10388.9 1777707.1",
    "100.1 100.1 2000.1 2000.1",
    "1.0 2.0 3.0 4.0",
    "1 2 3 4",
    "1.01 2.01 3.01 4.01",
    "1.012 2.012 3.012 4.012",
    "a b c d",
]


class Report:
    """Prints `ok NAME` or `FAIL NAME: DETAIL`, one line a check, and remembers whether all passed."""

    def __init__(self, group):
        self.group, self.failed = group, 0

    def check(self, name, passed, detail=""):
        text = " ".join(str(detail).split())
        if passed:
            shown = f" ({text})" if text and isinstance(detail, str) else ""
            print(f"ok {self.group}: {name}{shown}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL {self.group}: {name}: {text[:1000] or 'no'}", flush=True)
        return bool(passed)

    def close(self, name, ours, theirs, tolerance):
        """All numbers within an absolute tolerance."""
        ours, theirs = list(ours), list(theirs)
        if len(ours) != len(theirs):
            return self.check(name, False, f"{len(ours)} values, expected {len(theirs)}")
        differences = [abs(a - b) for a, b in zip(ours, theirs)]
        for index, difference in enumerate(differences):
            if not difference <= tolerance:  # NaN is not within it either
                return self.check(
                    name,
                    False,
                    f"value {index} is {ours[index]!r}, expected {theirs[index]!r} "
                    f"(difference {difference:.2e}, allowed {tolerance:.0e})",
                )
        return self.check(
            name, True, f"largest difference {max(differences, default=0):.1e}, " f"allowed {tolerance:.0e}"
        )

    def same(self, name, ours, theirs):
        """Equal; says where sequences part."""
        if ours == theirs:
            return self.check(name, True)
        if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
            for index, (a, b) in enumerate(zip(ours, theirs)):
                if a != b:
                    return self.check(name, False, f"element {index} is {a!r}, expected {b!r}")
            return self.check(name, False, f"{len(ours)} elements, expected {len(theirs)}")
        return self.check(name, False, f"{ours!r}, expected {theirs!r}")

    def finish(self):
        sys.exit(1 if self.failed else 0)


def guarded(action):
    """Runs a check script's main; what it did not foresee is a failed check, not a traceback alone."""
    script = os.path.basename(sys.argv[0])
    try:
        action()
    except subprocess.CalledProcessError as problem:
        words = " ".join(str(word) for word in problem.cmd)
        error = " ".join((problem.stderr or "").split())
        print(f"FAIL {script}: exit {problem.returncode} from {words[:300]}: {error[-600:]}")
        sys.exit(1)
    except Exception as problem:
        import traceback

        traceback.print_exc()
        print(f"FAIL {script}: {type(problem).__name__}: {' '.join(str(problem).split())[:600]}")
        sys.exit(1)


def ckpt(*arguments, lines=None):
    """The standard output of `ckpt`, which the CKPT variable names; `lines` go to its standard input."""
    text = None if lines is None else "".join(line + "\n" for line in lines)
    done = subprocess.run(
        [os.environ.get("CKPT", "ckpt"), *map(str, arguments)],
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


def ckpt_json(*arguments, lines=None):
    """Every line of a `--json` answer."""
    return [json.loads(line) for line in ckpt(*arguments, "--json", lines=lines).split("\n") if line.strip()]


def read_json(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def read_json_lines(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def quiet():
    """Silences the libraries' progress and advice; call it before importing them."""
    os.environ.update(
        TOKENIZERS_PARALLELISM="false",
        HF_DATASETS_DISABLE_PROGRESS_BARS="1",
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_VERBOSITY="error",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
    )
    import warnings

    warnings.filterwarnings("ignore")
