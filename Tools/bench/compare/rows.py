"""Lines of the table: what was measured, against whom, and whether the aim is reached."""

import statistics

import table


def spread(values):
    """Median, least and most."""
    return dict(median=statistics.median(values), min=min(values), max=max(values))


def medians(runs, shape):
    """The median of each run."""
    return [run["results"][shape]["median"] for run in runs]


def verdict(value, at_least=None, at_most=None):
    """`reached`, `missed`, or nothing when there is no aim."""
    if at_least is None and at_most is None:
        return ""
    reached = value >= at_least if at_least is not None else value <= at_most
    return "reached" if reached else "missed"


def aim(at_least=None, at_most=None, unit=""):
    """The aim in writing."""
    if at_least is not None:
        return f"≥ {at_least:g}{unit}"
    return "" if at_most is None else f"≤ {at_most:g}{unit}"


def compared(work, unit, peer, ours, theirs, of, **wanted):
    """A line with a ratio, `of` one figure of ours and one of theirs: of the medians, and from pair to pair."""
    # A contestant that was left out early has fewer runs.
    pairs = [of(a, b) for a, b in zip(ours, theirs)]
    ratio = of(statistics.median(ours), statistics.median(theirs))
    return dict(
        work=work,
        against=peer,
        unit=unit,
        ours=spread(ours),
        theirs=spread(theirs),
        ratio=ratio,
        ratio_min=min(pairs),
        ratio_max=max(pairs),
        aim=aim(**wanted, unit="×"),
        verdict=verdict(ratio, **wanted),
    )


def faster(work, ours, peer, theirs, least=None):
    """How many times as fast we are."""
    return compared(work, "s", peer, ours, theirs, lambda a, b: b / a, at_least=least)


def against_fastest(work, runs, ours, peers, shape, least, name=None):
    """A line a peer; the aim stands at the fastest."""
    found = {peer: medians(runs[peer], shape) for peer in peers if peer in runs}
    order = sorted(found, key=lambda peer: statistics.median(found[peer]))
    own = medians(runs[ours], shape)
    return [
        faster(
            work,
            own,
            peer + (", the fastest" if place == 0 and len(order) > 1 else ""),
            found[peer],
            least if place == 0 else None,
        )
        for place, peer in enumerate(order)
    ]


def value(work, unit, values, at_most, against="", theirs=None):
    """A figure that has an aim of its own."""
    middle = statistics.median(values)
    return dict(
        work=work,
        against=against,
        unit=unit,
        ours=spread(values),
        theirs=spread(theirs) if theirs else None,
        aim="0" if at_most == 0 else f"≤ {table.number(at_most, unit)}",
        verdict=verdict(middle, at_most=at_most),
    )


def less(work, unit, peer, ours, theirs, most=None):
    """How much of the peer's we need."""
    return compared(work, unit, peer, ours, theirs, lambda a, b: a / b, at_most=most)
