#!/usr/bin/env python3
"""Runs that are left and taken up again: here, by Trainer what was begun here, here what Trainer began.

    python3 Tools/interop.d/resume_check.py NAME CHECKPOINT FOLDER TRAINER_PYTHON DIALECT

NAME stands before every line; TRAINER_PYTHON has transformers, of the version whose dialect DIALECT is. All runs are
those of the notebook over five epochs, with dropout. Tolerances are those of the comparison of whole runs
(finetune_check.py): PyTorch's own losses move by up to 1e-6 between numbers of threads.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

from common import Report, guarded, read_json, read_json_lines

STEP_LOSS, EVALUATION, LOGITS = 2e-5, 1e-5, 1e-4
EPOCHS, SAVE_STEPS, STEPS = 5, 7, 70
# In the middle of the second epoch; at its end, where the evaluation of that epoch is still to be done.
PLACES = (21, 28)
KILLS = 6


class Runs:
    def __init__(self, name, checkpoint, folder, python, dialect):
        self.report = Report(name)
        self.checkpoint, self.folder, self.python, self.dialect = checkpoint, folder, python, dialect
        self.script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resume_trainer.py")
        os.makedirs(folder, exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def command(self, out, *options):
        return [os.environ["CKPT"], "finetune", "--base", self.checkpoint, "--dataset", "iris", "--seed", "42"] + [
            "--epochs", str(EPOCHS), "--save-strategy", "steps", "--save-steps", str(SAVE_STEPS),
            "--rng-dialect", self.dialect, "--out", self.path(out), *options,
        ]  # fmt: skip

    def ours(self, out, *options):
        subprocess.run(self.command(out, *options), check=True, capture_output=True, text=True)

    def thin_out(self, out):
        """Removes the checkpoints that no check looks at; each has three numbers a parameter."""
        kept = [f"checkpoint-{step}" for step in (*PLACES, STEPS)]
        for name in os.listdir(self.path(out)):
            if name.startswith("checkpoint-") and name not in kept:
                shutil.rmtree(self.path(out, name))

    def theirs(self, out, resume=None):
        arguments = [self.checkpoint, self.path(out), self.path(out + ".json"), str(EPOCHS), str(SAVE_STEPS)]
        subprocess.run(
            [self.python, self.script] + arguments + ([resume] if resume else []),
            check=True,
            capture_output=True,
            text=True,
        )
        return read_json(self.folder, out + ".json")

    # --- Here

    def steps(self, out):
        return {entry["step"]: entry for entry in read_json_lines(self.path(out), "training_log.jsonl")[1:]}

    def evaluations(self, out):
        state = read_json(self.path(out), "trainer_state.json")
        return {str(e["step"]): e["eval_loss"] for e in state["log_history"] if "eval_loss" in e}

    def logits(self, out):
        return [row["logits"] for row in read_json_lines(self.path(out), "predictions.jsonl")]

    def same_run(self, what, out):
        """Everything that does not tell of time is the same to the last bit as in the run that was never left."""

        def bytes_of(folder, name):
            with open(self.path(folder, name), "rb") as file:
                return file.read()

        for name in (
            "model.safetensors",
            "training_log.jsonl",
            "predictions.jsonl",
            f"checkpoint-{STEPS}/optimizer.pt",
            f"checkpoint-{STEPS}/rng_state.pth",
            f"checkpoint-{STEPS}/scheduler.pt",
        ):
            self.report.check(f"{what}: {name}", bytes_of("whole", name) == bytes_of(out, name))
        timeless = lambda entries: [
            {k: v for k, v in entry.items() if "runtime" not in k and "per_second" not in k}
            for entry in entries["log_history"]
        ]
        self.report.same(
            f"{what}: the log",
            timeless(read_json(self.path(out), "trainer_state.json")),
            timeless(read_json(self.path("whole"), "trainer_state.json")),
        )

    def resumed_here(self):
        self.ours("whole")
        self.thin_out("whole")
        for place in PLACES:
            out = f"resumed-{place}"
            os.makedirs(self.path(out))
            shutil.copy(self.path("whole", "training_log.jsonl"), self.path(out))
            shutil.copytree(self.path("whole", f"checkpoint-{place}"), self.path(out, f"checkpoint-{place}"))
            self.ours(out, "--resume", "--save-total-limit", "2")
            self.same_run(f"resumed after step {place}", out)
            shutil.rmtree(self.path(out))

    def killed(self):
        """A run that is killed again and again, without warning, and resumed each time."""
        generator, out, kills = random.Random(7), "killed", 0
        while True:
            has_checkpoint = os.path.isdir(self.path(out)) and any(
                name.startswith("checkpoint-") for name in os.listdir(self.path(out))
            )
            options = ["--resume"] if has_checkpoint else ["--force"]
            command = self.command(out, "--save-total-limit", "2", *options)
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if kills == KILLS:
                errors = process.communicate()[1]
                break
            time.sleep(generator.uniform(0.8, 2.5))
            if process.poll() is not None:
                errors = process.communicate()[1]
                break
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
        if self.report.check(
            f"killed {kills} times and resumed each time", process.returncode == 0 and kills > 2, [errors[-300:]]
        ):
            self.same_run("killed and resumed", out)
            left = [name for name in os.listdir(self.path(out)) if name.startswith(".")]
            self.report.same("killed and resumed: nothing half-written is left", left, [])

    # --- Across

    def across(self):
        whole = self.theirs("trainer")
        self.thin_out("trainer")
        report = self.report
        losses = {step + 1: loss for step, loss in enumerate(whole["losses"])}
        for place in PLACES:
            # Trainer's checkpoint goes on here.
            out = f"from-trainer-{place}"
            self.ours(out, "--save-strategy", "no", "--resume", self.path("trainer", f"checkpoint-{place}"))
            steps = self.steps(out)
            expected = range(place + 1, STEPS + 1)
            report.same(f"from Trainer's step {place}: the steps", sorted(steps), list(expected))
            report.close(
                f"from Trainer's step {place}: loss of every step",
                [steps[step]["loss"] for step in expected],
                [losses[step] for step in expected],
                STEP_LOSS,
            )
            ours = self.evaluations(out)
            report.same(
                f"from Trainer's step {place}: evaluations at", sorted(ours), sorted(whole["evaluations"])
            )
            report.close(
                f"from Trainer's step {place}: evaluations",
                [ours[step] for step in sorted(ours)],
                [whole["evaluations"][step] for step in sorted(ours)],
                EVALUATION,
            )
            report.close(
                f"from Trainer's step {place}: test logits",
                sum(self.logits(out), []),
                sum(whole["logits"], []),
                LOGITS,
            )
        # Ours goes on with Trainer; in the middle of an epoch, where Trainer itself is exact.
        place = PLACES[0]
        rest = self.theirs("from-ours", self.path("whole", f"checkpoint-{place}"))
        steps = self.steps("whole")
        expected = range(place + 1, STEPS + 1)
        report.same("Trainer takes up ours: ends at step", rest["global_step"], STEPS)
        report.close(
            "Trainer takes up ours: loss of every step",
            rest["losses"],
            [steps[step]["loss"] for step in expected],
            STEP_LOSS,
        )
        ours = self.evaluations("whole")
        report.close(
            "Trainer takes up ours: evaluations",
            [rest["evaluations"][step] for step in sorted(ours)],
            [ours[step] for step in sorted(ours)],
            EVALUATION,
        )
        report.close(
            "Trainer takes up ours: test logits",
            sum(rest["logits"], []),
            sum(self.logits("whole"), []),
            LOGITS,
        )


def main():
    runs = Runs(*sys.argv[1:])
    runs.resumed_here()
    runs.killed()
    runs.across()
    runs.report.finish()


if __name__ == "__main__":
    guarded(main)
