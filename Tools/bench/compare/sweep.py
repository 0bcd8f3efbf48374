"""Step time and latency over lengths and batches, for the chart."""

import statistics

import inference
import training

LENGTHS = [8, 16, 32, 64, 128, 256, 512]
BATCHES = [1, 2, 4, 8, 16, 32, 64]
# What stays the same: the batch where the length changes, the length where the batch does.
TRAINING_BATCH, TRAINING_TOKENS, INFERENCE_BATCH, INFERENCE_TOKENS = 8, 32, 1, 16
SHORT_LENGTHS, SHORT_BATCHES = [8, 32, 128], [1, 8, 32]


def shapes(setting, batch, tokens):
    """The shapes of a sweep, each once."""
    lengths, batches = (SHORT_LENGTHS, SHORT_BATCHES) if setting.short else (LENGTHS, BATCHES)
    found = [f"{batch}x{length}" for length in lengths] + [f"{count}x{tokens}" for count in batches]
    return list(dict.fromkeys(found))


def steps(setting):
    budget = ["--seconds", 2, "--least", 2, "--most", 20, "--warm-up", 1]
    wanted = ",".join(shapes(setting, TRAINING_BATCH, TRAINING_TOKENS))
    return training.contestants(setting, wanted, budget, compiled=False)


def latencies(setting):
    budget = ["--seconds", 0.5, "--least", 3, "--warm-up", 1]
    return inference.full(setting, shapes(setting, INFERENCE_BATCH, INFERENCE_TOKENS), budget)


PANELS = [
    dict(
        title=f"training step, {TRAINING_BATCH} texts",
        axis="tokens",
        of="sweep-training",
        batch=TRAINING_BATCH,
    ),
    dict(
        title=f"training step, {TRAINING_TOKENS} tokens",
        axis="texts",
        of="sweep-training",
        tokens=TRAINING_TOKENS,
    ),
    dict(
        title=f"inference, {INFERENCE_BATCH} text", axis="tokens", of="sweep-inference", batch=INFERENCE_BATCH
    ),
    dict(
        title=f"inference, {INFERENCE_TOKENS} tokens",
        axis="texts",
        of="sweep-inference",
        tokens=INFERENCE_TOKENS,
    ),
]


def points(panel, runs):
    """Of one contestant, in the order of the sizes: (size, seconds)."""
    found = {}
    for shape in runs[0]["results"]:
        batch, tokens = map(int, shape.split("x"))
        seconds = statistics.median(run["results"][shape]["median"] for run in runs)
        if panel.get("batch") == batch:
            found[tokens] = seconds
        elif panel.get("tokens") == tokens:
            found[batch] = seconds
    return sorted(found.items())
