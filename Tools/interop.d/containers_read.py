"""The same model in every container is the same to `hash`, `diff` and `verify`; and what holds no tensors."""

import itertools
import os

import torch
import transformers
from common import ckpt_json
from running import run


def root(path):
    return ckpt_json("hash", path)[0]["root"]


def same_model(report, model, containers, pairs=True):
    """Every container has one root, is sound and differs from no other; all pairs, or each with the first."""
    names = list(containers)
    roots = {name: root(path) for name, path in containers.items()}
    expected = roots[names[0]]
    others = {name: found for name, found in roots.items() if found != expected}
    report.check(f"{model}: one root of {len(names)} containers", not others, others or ", ".join(names))
    unsound = {}
    for name, path in containers.items():
        done = run("verify", path, "--json")
        if done.code != 0 or not done.answer["sound"]:
            unsound[name] = done.answer
    report.check(f"{model}: verify finds all sound", not unsound, unsound)
    different = {}
    for first, second in itertools.combinations(names, 2) if pairs else ((names[0], name) for name in names[1:]):
        done = run("diff", containers[first], containers[second], "--bits", "--json")
        if done.code != 0 or not done.answer["identical"]:
            different[f"{first} and {second}"] = done.answer or done.error
    report.check(f"{model}: diff --bits finds every two identical", not different, different)
    done = run("diff", containers[names[0]], containers[names[-1]])
    report.check(f"{model}: and says so in words", done.output.endswith("\nidentical\n"), done.output)
    return expected


def difference_is_found(report, state, path, work):
    """One bit of one tensor, and no other: diff must say so, and the root must change."""
    name = next(n for n, tensor in state.items() if tensor.dtype == torch.float32 and tensor.dim() == 2)
    changed = {n: tensor.clone() for n, tensor in state.items()}
    changed[name].view(torch.int32).view(-1)[3] ^= 1
    other = os.path.join(work, "changed.bin")
    torch.save(changed, other)
    done = run("diff", path, other, "--json")
    report.same("one bit changed: diff exits with 1", done.code, 1)
    shown = [(c["name"].removeprefix("bert."), c["changed_elements"]) for c in done.answer["changed"]]
    report.same("one bit changed: diff names the tensor", shown, [(name.removeprefix("bert."), 1)])
    report.check("one bit changed: another root", root(path) != root(other))


def training_arguments(report, work):
    """What the Trainer leaves beside a model is a pickle of objects: its globals are listed, nothing is run."""
    arguments = transformers.TrainingArguments(os.path.join(work, "run"), use_cpu=True, report_to="none")
    for name, new in (("zip", True), ("legacy", False)):
        path = os.path.join(work, f"training_args_{name}.bin")
        torch.save(arguments, path, _use_new_zipfile_serialization=new)
        done = run("inspect", path, "--json")
        report.same(f"training_args.bin, {name}: inspect exits with 2", done.code, 2)
        found = {entry["name"]: entry["allowed"] for entry in (done.answer or {}).get("globals", [])}
        wanted = [
            "transformers.training_args.TrainingArguments",
            "transformers.trainer_utils.IntervalStrategy",
            "accelerate.state.PartialState",
        ]
        allowed = [found.get(key) for key in wanted]
        report.same(f"training_args.bin, {name}: its globals", allowed, [False] * len(wanted))
        words = run("inspect", path)
        report.check(
            f"training_args.bin, {name}: and in words",
            words.code == 2 and all(key in words.output for key in wanted) and words.error.startswith("error: "),
            words.output + words.error,
        )
