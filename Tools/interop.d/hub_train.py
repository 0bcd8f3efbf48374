"""Checks of the hub: a run that ends on it, and one that finds out before it begins that it could not."""

import sys

from hub_world import tail

# What a run leaves beside the model that holds rows of the data, or paths of the machine.
PRIVATE = {"training_log.jsonl", "predictions.jsonl", "run.json", "report.html"}


def training(world, report, checkpoint):
    fake = world.fake

    def finetune(out, name, **more):
        run = ["finetune", "--base", checkpoint, "--dataset", "iris", "--max-steps", "3", "--out", world.work / out]
        return world.ckpt(*run, "--push-to", name, **more)

    world.forget()
    for what, name, says, more in (
        ("a token that may only read", "user/trained", "may only read", dict(token="hf_reader")),
        ("no token", "user/trained", "set HF_TOKEN", dict(token=None)),
        ("another's name", "other/trained", "push to user/", {}),
        ("no network", "user/trained", "HF_HUB_OFFLINE", dict(HF_HUB_OFFLINE="1")),
    ):
        done = finetune("refused", name, **more)
        good = done.returncode == 2 and says in done.stderr and not (world.work / "refused").exists()
        report.check(f"before the run begins, {what}", good, tail(done))

    done = finetune("trained", "user/trained")
    report.check("a run ends on the hub", done.returncode == 0 and "role write" in done.stderr, tail(done))
    there = fake.contents("user/trained") if "user/trained" in fake.repositories else {}
    folder = world.work / "trained"
    report.check("with the model and its card", {"model.safetensors", "config.json", "README.md"} <= set(there))
    report.check(
        "with what TensorBoard reads, which the hub shows", any(name.startswith("runs/") for name in there)
    )
    report.same("without rows of the data", sorted(PRIVATE & set(there)), [])
    report.check("without checkpoints", not any(name.startswith("checkpoint-") for name in there))
    report.same("the weights", there.get("model.safetensors"), (folder / "model.safetensors").read_bytes())
    code = f"""
from transformers import pipeline
print(pipeline("text-classification", model="user/trained")("5.1 3.5 1.4 0.2")[0]["label"])
"""
    theirs = world.python(sys.executable, code)
    ours = world.ckpt("predict", "user/trained", "5.1 3.5 1.4 0.2")
    report.check(
        "pipeline() and ckpt predict load it by its name",
        theirs.returncode == 0 and ours.returncode == 0 and theirs.stdout.strip() in ours.stdout,
        f"{tail(theirs)} {tail(ours)}",
    )

    fake.fault("^PUT ", status=403, n=999)
    done = finetune("kept", "user/kept")
    fake.clear_faults()
    good = done.returncode == 2 and f"ckpt push {world.work / 'kept'} user/kept" in done.stderr
    report.check("a push that fails afterwards says how to push again", good, tail(done))
    report.check("and the model is whole", (world.work / "kept/model.safetensors").exists())
