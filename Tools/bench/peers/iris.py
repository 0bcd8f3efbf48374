#!/usr/bin/env python3
"""The notebook's job in Python: BERT fine-tuned on Iris by Trainer, evaluated each epoch, tested, exported.

    iris.py CHECKPOINT OUT [--epochs 15] [--threads 2]

`ckpt finetune --dataset iris --save-strategy no` does the same. Prints the accuracy on the test rows, for
comparison.
"""

import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "oracle"))

from finetune_golden import prepare


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    parser.add_argument("--epochs", type=float, default=15)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trainer, encoded, _, _ = prepare(
            options.checkpoint, folder, 42, 0.1, options.threads, num_train_epochs=options.epochs
        )
        trainer.train()
        print(trainer.predict(encoded[2]).metrics["test_accuracy"])
        trainer.save_model(options.out)


if __name__ == "__main__":
    main()
