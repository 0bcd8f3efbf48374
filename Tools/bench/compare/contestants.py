"""Contestants: commands that are run, one process at a time, and what they report."""

import dataclasses
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CORES = os.cpu_count()
# A run is repeated when the hypervisor or other processes took more than this share of the processors' time,
# at most so many times.
MOST_STEAL, MOST_OTHERS, REPEATS = 0.03, 0.05, 2
# Before it is repeated the machine may come to rest for so many seconds.
REST = 30


@dataclasses.dataclass
class Contestant:
    """A command, and how to take its time.

    A command that does not `report` prints nothing of use and is timed as a whole, start to end.
    """

    name: str
    command: list
    environment: dict = dataclasses.field(default_factory=dict)
    ours: bool = False
    reports: bool = True
    # Processes that make one run, when the whole process is timed.
    processes: int = 1
    # Run once before anything counts, so that its files are in the page cache.
    warmed: bool = False
    # Removed before each process.
    output: str = ""
    # May fail or take longer than `timeout` seconds: it is left out then.
    optional: bool = False
    timeout: float = 900
    # Takes part in the first round alone, and is compared with nobody.
    reference: bool = False
    # Goes on after the first round only if it was faster there than the contestant of this name.
    rival: str = ""


class Failed(Exception):
    """A contestant did not do its work."""


def processors():
    """Seconds of all processors since the machine's start: stolen by the hypervisor, and spent on anything.

    Zeros where nobody counts them.
    """
    try:
        with open("/proc/stat") as file:
            user, nice, system, _, _, interrupts, soft, steal = map(int, file.readline().split()[1:9])
    except (OSError, ValueError):
        return 0.0, 0.0
    second = os.sysconf("SC_CLK_TCK")
    return steal / second, (user + nice + system + interrupts + soft) / second


def ended():
    """Seconds of processors that ended contestants have had."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def process(contestant):
    """Runs the command once: what it printed, its seconds and its peak of memory."""
    if contestant.output:
        shutil.rmtree(contestant.output, ignore_errors=True)
    environment = os.environ | dict(PYTHONDONTWRITEBYTECODE="1", HF_HUB_OFFLINE="1") | contestant.environment
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as printed:
        start = time.perf_counter()
        try:
            child = subprocess.Popen(contestant.command, stdout=printed, stderr=errors, env=environment)
        except OSError as problem:
            raise Failed(f"{contestant.name}: {problem}")
        # Not wait(timeout), which looks again only every 50 ms.
        alarm = threading.Timer(contestant.timeout, child.kill)
        alarm.start()
        child.wait()
        seconds = time.perf_counter() - start
        alarm.cancel()
        if seconds >= contestant.timeout:
            raise Failed(f"{contestant.name}: not done after {contestant.timeout:.0f} s")
        if child.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-2000:]
            raise Failed(
                f"{contestant.name}: exit {child.returncode}: {' '.join(contestant.command)}\n{said}"
            )
        printed.seek(0)
        return printed.read().decode(), seconds


def once(contestant):
    """One run: `results` by shape, each with the median of its seconds; the shares of the processors' time
    that the hypervisor and others took; the seconds of the processes."""
    (steal, busy), own, seconds = processors(), ended(), []
    for _ in range(contestant.processes):
        printed, taken = process(contestant)
        seconds.append(taken)
    steal, busy = (after - before for after, before in zip(processors(), (steal, busy)))
    others, whole = max(0.0, busy - (ended() - own)), sum(seconds) * CORES
    if contestant.reports:
        run = json.loads(printed.strip().split("\n")[-1])
    else:
        result = dict(seconds=seconds, median=statistics.median(seconds), printed=printed.strip()[-500:])
        run = dict(results={"": result})
    return run | dict(wall_seconds=sum(seconds), steal_share=steal / whole, others_share=others / whole)


def disturbed(run):
    """Whether the run has to be repeated."""
    return run["steal_share"] > MOST_STEAL or run["others_share"] > MOST_OTHERS


def run(contestant):
    """A run that was not disturbed, or the one that was the least."""
    runs = [once(contestant)]
    while disturbed(runs[-1]) and len(runs) <= REPEATS:
        shares = f"{runs[-1]['steal_share']:.0%} of the time was stolen, {runs[-1]['others_share']:.0%} went to others"
        print(f"  {contestant.name}: {shares}; once more", file=sys.stderr, flush=True)
        rest()
        runs.append(once(contestant))
    best = min(runs, key=lambda run: run["steal_share"] + run["others_share"])
    return best | dict(repeated=len(runs) - 1, disturbed=disturbed(best))


def rest():
    """Waits until the machine has been idle for a second."""
    for _ in range(REST):
        before = sum(processors())
        time.sleep(1)
        if sum(processors()) - before < 0.1 * CORES:
            return


def rounds(name, contestants, pairs):
    """Every contestant in each round, in turn, the turn reversed every other round: runs by contestant."""
    runs = {}
    for contestant in contestants:
        if contestant.warmed:
            process(contestant)
    for number in range(pairs):
        turn = [one for one in contestants if number == 0 or not one.reference]
        for contestant in turn if number % 2 == 0 else list(reversed(turn)):
            if number and contestant.name not in runs:
                continue
            print(f"{name}, round {number + 1} of {pairs}: {contestant.name}", file=sys.stderr, flush=True)
            try:
                runs.setdefault(contestant.name, []).append(run(contestant))
            except Failed as problem:
                runs.pop(contestant.name, None)
                if not contestant.optional:
                    raise
                print(f"  left out: {problem}", file=sys.stderr)
        if number == 0:
            contestants = [one for one in contestants if not outdone(one, runs)]
    return runs


def outdone(contestant, runs):
    """Whether its rival was faster in everything."""
    if contestant.rival not in runs or contestant.name not in runs:
        return False
    own, theirs = (runs[name][0]["results"] for name in (contestant.name, contestant.rival))
    return all(own[shape]["median"] > theirs[shape]["median"] for shape in own)
