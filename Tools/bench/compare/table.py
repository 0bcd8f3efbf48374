"""The results as text, for a terminal or as a table of Markdown."""

import sys


def number(value, unit):
    """Three digits, in a unit that fits."""
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
            if value * factor >= 1:
                break
        return f"{value * factor:.3g} {name}"
    return f"{value:.0f}" if unit == "" else f"{value:.3g} {unit}"


def spread(values, unit):
    """Median, and in brackets least and most."""
    if not values:
        return ""
    middle, low, high = (number(values[key], unit) for key in ("median", "min", "max"))
    return middle if low == high else f"{middle} ({low} … {high})"


def cells(row):
    """The columns of a row."""
    ratio = ""
    if "ratio" in row:
        ratio = f"{row['ratio']:.2f}×"
        if row["ratio_min"] != row["ratio_max"]:
            ratio += f" ({row['ratio_min']:.2f} … {row['ratio_max']:.2f})"
    note = row.get("note", "")
    return [
        row["work"],
        spread(row.get("ours"), row.get("unit", "")),
        row["against"],
        spread(row.get("theirs"), row.get("unit", "")),
        ratio or note,
        row["aim"],
        row["verdict"],
    ] + ([note] if ratio and note else [])


HEAD = ["work", "ours", "against", "theirs", "ratio", "aim", ""]


def machine_lines(results):
    """Where, when, with what."""
    machine, versions = results["machine"], results["versions"]
    yield f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']} at the start; {machine['system']}"
    yield f"commit {machine['commit']}; " + ", ".join(f"{name} {version}" for name, version in versions.items())
    yield f"command {machine['command']}"
    steal, others, repeated = results["steal_share"], results["others_share"], results["repeated"]
    yield f"stolen {steal:.1%} of the time, other processes {others:.1%}; {repeated} runs repeated for it"


def text(results, out=sys.stdout):
    """Columns for a terminal."""
    lines = [HEAD] + [cells(row) for row in results["rows"]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    print("\n".join(machine_lines(results)) + "\n", file=out)
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths)]
        print("  ".join(padded + line[len(HEAD) :]).rstrip(), file=out)
    verdicts = [row["verdict"] for row in results["rows"]]
    print(f"\n{verdicts.count('reached')} aims reached, {verdicts.count('missed')} missed", file=out)


def markdown(results):
    """A table of Markdown."""
    yield "| " + " | ".join(HEAD) + " |"
    yield "|" + "---|" * len(HEAD)
    for row in results["rows"]:
        found = cells(row)
        found[4] = "; ".join([found[4], *found[len(HEAD) :]])
        yield "| " + " | ".join(found[: len(HEAD)]) + " |"
