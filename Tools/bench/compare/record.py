"""RESULTS.md: the history, the newest first."""

import os

import table

HEAD = """# Results by commit

What `Tools/bench/run --record` measured, the newest first. Ratios are those of medians, in brackets from pair
to pair.
"""


def add(path, results):
    """Puts a section at the top of the file, which is made when it is not there."""
    text = HEAD
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
    machine = results["machine"]
    lines = [f"## {machine['commit']}, {results['date']}", ""]
    lines += [f"- {line}" for line in table.machine_lines(results)] + [""]
    lines += list(table.markdown(results)) + [""]
    lines += [f"- {line}" for line in table.disturbed_lines(results)]
    lines += [""] if lines[-1] else []
    head, mark, rest = text.partition("\n## ")
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(head.rstrip("\n") + "\n\n" + "\n".join(lines) + (f"{mark}{rest}" if mark else ""))
    os.replace(f"{path}.new", path)
