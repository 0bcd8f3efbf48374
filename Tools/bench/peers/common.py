"""What the contestants share: shapes, the same token ids on both sides, timed calls, one JSON object.

A shape is written BATCHxTOKENS, such as 8x14; 32xragged is a batch of texts of 5 to 60 tokens. Row `r` of a
batch consists of whole words of the vocabulary, chosen by `r` and their place alone; Sources/Measuring makes
the same rows.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time

CLS, SEP, PAD = 101, 102, 0
LABELS = 3


def parser(description, **defaults):
    """The options that every contestant takes."""
    options = argparse.ArgumentParser(description=description.split("\n")[0])
    options.add_argument("--model", help="folder of the checkpoint")
    options.add_argument("--shapes", default="8x14", help="comma-separated")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--seconds", type=float, default=2.0, help="of timed calls for each shape")
    options.add_argument("--least", type=int, default=3, help="timed calls, even if they take longer")
    options.add_argument("--most", type=int, default=200, help="timed calls, even if there is time left")
    options.add_argument("--warm-up", type=int, default=2, help="calls before those that count")
    options.set_defaults(**defaults)
    return options


def words(model):
    """Ids of the vocabulary's whole lower-case words."""
    with open(os.path.join(model, "vocab.txt"), encoding="utf-8") as file:
        tokens = file.read().split("\n")
    return [
        number
        for number, token in enumerate(tokens)
        if token.isascii() and token.isalpha() and token.islower()
    ]


def length(tokens, row):
    """Tokens of a row: `tokens` of a shape, or each of 5 … 60 equally often."""
    return 5 + 37 * row % 56 if tokens == "ragged" else int(tokens)


def ids(vocabulary, row, count):
    """Token ids of a row."""
    inner = [vocabulary[(7919 * (place + 1) + 104729 * row) % len(vocabulary)] for place in range(count - 2)]
    return [CLS, *inner, SEP]


def rows(vocabulary, shape, batches=1):
    """The rows of a shape, unpadded."""
    batch, tokens = shape.split("x")
    return [ids(vocabulary, row, length(tokens, row)) for row in range(int(batch) * batches)]


def padded(rows):
    """The inputs of rows as lists, padded to the longest, in the order that BERT's forward takes them."""
    longest = max(map(len, rows))
    return dict(
        input_ids=[row + [PAD] * (longest - len(row)) for row in rows],
        attention_mask=[[1] * len(row) + [0] * (longest - len(row)) for row in rows],
        token_type_ids=[[0] * longest for _ in rows],
    )


def faults():
    """Page faults of this process that read no disk."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def timed(call, options):
    """Seconds of each call after the warm-up, and the page faults of one."""
    seconds = []
    for _ in range(options.warm_up):
        call()
    before, started = faults(), time.perf_counter()
    while len(seconds) < options.most:
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        seconds.append(end - start)
        if len(seconds) >= options.least and end - started >= options.seconds:
            break
    return dict(seconds=seconds, minor_faults=(faults() - before) / len(seconds))


def finish(results, **others):
    """Prints what a contestant found: `results` by shape."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    for result in results.values():
        result["median"] = statistics.median(result["seconds"])
    print(json.dumps(dict(results=results, peak_rss_bytes=peak, **others)))
