"""Runs comparisons and prints their table. Started by Tools/bench/run, which makes what this needs.

Folders and programs come by options of the same names as in Setting; the session's folder holds machine.json,
and gets results.json.
"""

import argparse
import datetime
import json
import os
import sys
import time

sys.dont_write_bytecode = True

import record
import table
from catalogue import ALIASES, COMPARISONS, SWEEPS
from contestants import Failed, rounds
from setting import Setting


def chosen(options):
    """The names to run, in the order of the catalogue."""
    if options.sweep:
        return list(SWEEPS)
    wanted = [ALIASES.get(name, name) for name in options.only] or list(COMPARISONS)
    unknown = [name for name in wanted if name not in COMPARISONS]
    if unknown:
        names = ", ".join([*COMPARISONS, *ALIASES])
        print(f"run: no comparison is called {' '.join(unknown)}; there are {names}", file=sys.stderr)
        sys.exit(64)
    return [name for name in COMPARISONS if name in wanted]


def measure(setting, names, pairs):
    """Runs everything: the runs of each comparison, the rows, the versions."""
    catalogue = COMPARISONS | SWEEPS
    comparisons, found, versions = {}, [], {}
    for name in names:
        contestants, rows = catalogue[name]
        runs = rounds(name, contestants(setting), pairs)
        comparisons[name] = runs
        found += [row | dict(comparison=name) for row in rows(setting, name, runs)]
        for run in (run for one in runs.values() for run in one):
            versions |= run.get("versions", {})
    return comparisons, found, versions


def share(runs, name):
    """A share of the processors' time, over all runs."""
    whole = sum(run["wall_seconds"] for run in runs)
    return sum(run[name] * run["wall_seconds"] for run in runs) / whole if whole else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    for name in ("python", "programs", "kernels", "ckpt", "minilm", "cache"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    for name in ("short", "sweep", "no-compile"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--json", default="")
    parser.add_argument("--record", default="")
    options = parser.parse_args()
    names = chosen(options)
    setting = Setting(
        options.python,
        options.programs,
        options.kernels,
        options.ckpt,
        options.minilm,
        options.cache,
        threads=options.threads,
        short=options.short,
        compile=not (options.no_compile or options.short),
    )
    setting.prepare(names + (["sweep"] if options.sweep else []))
    started = time.monotonic()
    try:
        comparisons, found, versions = measure(setting, names, options.pairs)
    except Failed as problem:
        print(f"run: {problem}", file=sys.stderr)
        return 2
    runs = [run for one in comparisons.values() for several in one.values() for run in several]
    with open(os.path.join(options.folder, "machine.json"), encoding="utf-8") as file:
        machine = json.load(file)
    results = dict(
        date=datetime.date.today().isoformat(),
        machine=machine,
        versions=versions,
        seconds=time.monotonic() - started,
        pairs=options.pairs,
        short=options.short,
        **{name: share(runs, name) for name in ("steal_share", "others_share")},
        repeated=sum(run["repeated"] for run in runs),
        rows=found,
        comparisons=comparisons,
    )
    for path in filter(None, (os.path.join(options.folder, "results.json"), options.json)):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(results, file, ensure_ascii=False)
            file.write("\n")
    if found:
        table.text(results)
    if options.record:
        record.add(options.record, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
