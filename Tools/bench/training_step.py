#!/usr/bin/env python3
"""Times a training step of a BERT-base-shaped classifier in PyTorch, and compares runs. See training-step.

    training_step.py run [--steps 20] [--batch 8] [--tokens 14] [--threads 2] [--attention sdpa]
    training_step.py report FOLDER [--json]

`run` prints one JSON object: `step_seconds` (and the same by phase), `peak_rss_bytes`,
`minor_faults_per_step`. The step is the one that Trainer takes by default: forward in training mode (dropout
0.1), backward, clip at norm 1, fused AdamW with weight decay 0.01 in two groups, linear schedule, gradients
set to none. Weights are random, so no download is needed.

`report` reads what the runs of one session printed, `torch-1.json`, `ours-1.json`, `torch-2.json` and so on,
and `machine.json`; it prints medians and the ratio of every pair.
"""

import argparse
import json
import resource
import statistics
import sys
import time

from session import load, print_machine

WARM_UP = 3


def run(options):
    import torch
    import transformers
    from transformers import BertConfig, BertForSequenceClassification, get_scheduler

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(options.threads)
    torch.manual_seed(42)
    model = BertForSequenceClassification(
        BertConfig(num_labels=3, attn_implementation=options.attention)
    ).train()
    plain = lambda name: "bias" in name or "LayerNorm" in name
    optimizer = torch.optim.AdamW(
        [
            dict(params=[p for n, p in model.named_parameters() if not plain(n)], weight_decay=0.01),
            dict(params=[p for n, p in model.named_parameters() if plain(n)], weight_decay=0.0),
        ],
        lr=2e-5,
        betas=(0.9, 0.999),
        eps=1e-8,
        fused=True,
    )
    total = WARM_UP + options.steps
    schedule = get_scheduler("linear", optimizer, 0, total)
    shape = (options.batch, options.tokens)
    batches = [
        dict(
            input_ids=torch.randint(1000, 30000, shape),
            token_type_ids=torch.zeros(shape, dtype=torch.long),
            attention_mask=torch.ones(shape, dtype=torch.long),
            labels=torch.randint(0, 3, shape[:1]),
        )
        for _ in range(total)
    ]
    names = ("forward", "backward", "clip", "optimizer")
    phases = {name: [] for name in names}
    seconds = []
    for index, batch in enumerate(batches):
        if index == WARM_UP:
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        times = [time.perf_counter()]
        loss = model(**batch).loss
        times.append(time.perf_counter())
        loss.backward()
        times.append(time.perf_counter())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        times.append(time.perf_counter())
        optimizer.step()
        schedule.step()
        model.zero_grad()
        times.append(time.perf_counter())
        if index >= WARM_UP:
            seconds.append(times[-1] - times[0])
            for name, start, end in zip(names, times, times[1:]):
                phases[name].append(end - start)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            dict(
                step_seconds=seconds,
                **{f"{name}_seconds": values for name, values in phases.items()},
                peak_rss_bytes=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
                minor_faults_per_step=(usage.ru_minflt - faults) / options.steps,
                parameters=model.num_parameters(),
                threads=options.threads,
                last_loss=loss.item(),
                versions=dict(torch=torch.__version__, transformers=transformers.__version__),
            )
        )
    )


def report(options):
    machine, pairs = load(options.folder, "machine.json"), []
    while load(options.folder, f"torch-{len(pairs) + 1}.json"):
        number = len(pairs) + 1
        pairs.append(
            (load(options.folder, f"torch-{number}.json"), load(options.folder, f"ours-{number}.json"))
        )
    rows = []
    for number, sides in enumerate(pairs, 1):
        row = dict(pair=number)
        for side, result in zip(("torch", "ours"), sides):
            if result:
                row[side] = statistics.median(result["step_seconds"])
                row[f"{side}_best"] = min(result["step_seconds"])
                row[f"{side}_faults"] = result["minor_faults_per_step"]
                row[f"{side}_rss"] = result["peak_rss_bytes"]
                row[f"{side}_steal"] = result.get("steal_seconds", 0.0)
        if "ours" in row:
            row["ratio"] = row["torch"] / row["ours"]
        rows.append(row)
    both = [row for row in rows if "ours" in row]
    ratios = [row["ratio"] for row in both]
    summary = dict(
        machine=machine,
        pairs=rows,
        torch=pairs[0][0]["versions"],
        torch_phases={
            name: statistics.median([value for torch, _ in pairs for value in torch[f"{name}_seconds"]])
            for name in ("forward", "backward", "clip", "optimizer")
        },
        torch_median=statistics.median([row["torch"] for row in rows]),
        ours_median=statistics.median([row["ours"] for row in both]) if ratios else None,
        ratio=statistics.median(ratios) if ratios else None,
        ratio_min=min(ratios, default=None),
        ratio_max=max(ratios, default=None),
    )
    if options.json:
        print(json.dumps(summary, indent=2))
        return
    versions, phases = summary["torch"], summary["torch_phases"]
    print_machine(machine, f"torch {versions['torch']}, transformers {versions['transformers']}")
    print(
        f"\n{'pair':>4} {'PyTorch':>10} {'ours':>10} {'ratio':>7} "
        f"{'faults a step':>17} {'peak MB':>13} {'steal s':>11}"
    )
    for row in rows:
        cell = lambda key, digits, unit="": f"{row[key]:.{digits}f}{unit}" if key in row else "-"
        megabytes = lambda key: f"{row[key] / 1e6:.0f}" if key in row else "-"
        print(
            f"{row['pair']:4} {cell('torch', 4, ' s'):>10} {cell('ours', 4, ' s'):>10} {cell('ratio', 2):>7} "
            f"{cell('torch_faults', 0):>8} {cell('ours_faults', 0):>8} "
            f"{megabytes('torch_rss'):>6} {megabytes('ours_rss'):>6} "
            f"{cell('torch_steal', 2):>5} {cell('ours_steal', 2):>5}"
        )
    print("\nPyTorch by phase: " + ", ".join(f"{name} {value:.4f} s" for name, value in phases.items()))
    if ratios:
        print(
            f"ours is {summary['ratio']:.2f} times as fast (median of {len(ratios)} pairs, "
            f"{summary['ratio_min']:.2f} to {summary['ratio_max']:.2f})"
        )
    else:
        print(f"PyTorch: {summary['torch_median']:.4f} s a step (median); set OURS to compare")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run")
    one.add_argument("--steps", type=int, default=20)
    one.add_argument("--batch", type=int, default=8)
    one.add_argument("--tokens", type=int, default=14)
    one.add_argument("--threads", type=int, default=2)
    one.add_argument("--attention", default="sdpa")
    one.set_defaults(action=run)
    all_ = commands.add_parser("report")
    all_.add_argument("folder")
    all_.add_argument("--json", action="store_true")
    all_.set_defaults(action=report)
    options = parser.parse_args()
    options.action(options)
