#!/usr/bin/env python3
"""Trainer's side of Tools/interop --only resume: a run that is never stopped, or the rest of one of ours.

    python3 Tools/interop.d/resume_trainer.py CHECKPOINT FOLDER OUT.json EPOCHS SAVE_STEPS [RESUME]

FOLDER receives Trainer's checkpoints, OUT.json the loss of every step, the evaluations and the test logits. With
RESUME, a checkpoint-N folder, Trainer goes on from there. Where there is a `training_args.json` in RESUME, the
arguments are read from it, as HfArgumentParser reads them.
"""

import contextlib
import io
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))

import finetune_golden
from transformers import HfArgumentParser, TrainingArguments


def parsed(resume):
    """What HfArgumentParser makes of our training_args.json, as keyword arguments."""
    (arguments,) = HfArgumentParser(TrainingArguments).parse_json_file(
        os.path.join(resume, "training_args.json")
    )
    names = json.load(open(os.path.join(resume, "training_args.json")))
    return {name: getattr(arguments, name) for name in names if name not in ("report_to", "seed")}


def main(checkpoint, folder, out, epochs, save_steps, resume=None):
    others = dict(num_train_epochs=int(epochs), save_strategy="steps", save_steps=int(save_steps))
    if resume and os.path.exists(os.path.join(resume, "training_args.json")):
        others = parsed(resume)
    trainer, encoded, _, _ = finetune_golden.prepare(
        checkpoint, folder, 42, 0.1, 1, **{**others, "output_dir": folder}
    )
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.train(resume_from_checkpoint=resume)
        prediction = trainer.predict(encoded[2])
    record = dict(
        losses=trainer.losses,
        norms=trainer.norms,
        evaluations={
            str(entry["step"]): entry["eval_loss"]
            for entry in trainer.state.log_history
            if "eval_loss" in entry
        },
        logged={
            str(entry["step"]): entry["loss"] for entry in trainer.state.log_history if "loss" in entry
        },
        logits=prediction.predictions.tolist(),
        global_step=trainer.state.global_step,
    )
    with open(out, "w") as file:
        json.dump(record, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
