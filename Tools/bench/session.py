"""What the reports of this folder share."""

import json
import os
import statistics


def load(folder, name):
    """A JSON file of the session, or None."""
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return json.load(file)


def print_machine(machine, versions):
    """Where, at which commit and by which command; `versions` as `name version, name version`."""
    print(
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']} at the start; {machine['system']}"
    )
    print(f"commit {machine['commit']}; {versions}")
    print(f"command {machine['command']}")


def spread(values):
    """Median, least and most."""
    return dict(median=statistics.median(values), min=min(values), max=max(values))
