"""The results as text, for a terminal or as a table of Markdown."""

import sys


def number(value, unit):
    """Three digits, in a unit that fits."""
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
            if value * factor >= 1:
                break
        return f"{value * factor:.3g} {name}"
    return f"{value:.3g} {unit}" if unit else f"{value:.0f}" if value >= 10 or value == 0 else f"{value:.2g}"


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
    return [
        row["work"],
        spread(row.get("ours"), row.get("unit", "")),
        row["against"],
        spread(row.get("theirs"), row.get("unit", "")),
        ratio,
        row["aim"],
        row["verdict"],
        row.get("note", ""),
    ]


HEAD = ["work", "ours", "against", "theirs", "ratio", "aim", "", ""]


def machine_lines(results):
    """Where, when, with what."""
    machine, versions = results["machine"], results["versions"]
    yield f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']} at the start; {machine['system']}"
    yield f"commit {machine['commit']}; " + ", ".join(
        f"{name} {version}" for name, version in versions.items()
    )
    yield f"command {machine['command']}"
    steal, others, repeated = results["steal_share"], results["others_share"], results["repeated"]
    yield (
        f"{results['seconds']:.0f} s, {results['pairs']} pairs{', short' if results['short'] else ''}; stolen "
        f"{steal:.1%} of the time, other processes {others:.1%}; {repeated} runs repeated for it"
    )


def disturbed_lines(results):
    """The runs that were disturbed each time."""
    for comparison, contestants in results["comparisons"].items():
        for name, runs in contestants.items():
            for run in runs:
                if run["disturbed"]:
                    share = run["steal_share"] + run["others_share"]
                    yield f"disturbed: {comparison}, {name}: others had {share:.0%} of the processors' time"


def text(results, out=sys.stdout):
    """Columns for a terminal."""
    lines = [HEAD] + [cells(row) for row in results["rows"]]
    # The note comes last and may be long.
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD) - 1)]
    print("\n".join(machine_lines(results)) + "\n", file=out)
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths)] + line[-1:]
        print("  ".join(padded).rstrip(), file=out)
    for line in disturbed_lines(results):
        print(f"\n{line}", end="", file=out)
    verdicts = [row["verdict"] for row in results["rows"]]
    print(f"\n{verdicts.count('reached')} aims reached, {verdicts.count('missed')} missed", file=out)


def markdown(results):
    """A table of Markdown."""
    yield "| " + " | ".join(HEAD) + " |"
    yield "|" + "---|" * len(HEAD)
    for row in results["rows"]:
        yield "| " + " | ".join(cells(row)) + " |"
