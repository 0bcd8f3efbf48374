"""Every comparison by its name: who takes part, and the lines of the table that come of it."""

import inference
import others
import sweep
import training

# name: contestants of a setting, rows of (setting, name, runs)
COMPARISONS = {
    **{
        name: (lambda setting, name=name: training.steps(setting, name), training.step_rows)
        for name in training.SHAPES
    },
    "iris": (training.iris, training.iris_rows),
    "inference": (inference.full, inference.full_rows),
    "int8": (inference.eight, inference.eight_rows),
    "cold": (inference.cold, inference.cold_rows),
    "tokenizer": (others.tokenizer, others.tokenizer_rows),
    "gemm": (others.products, others.product_rows),
}
SWEEPS = {
    "sweep-training": (sweep.steps, lambda *_: []),
    "sweep-inference": (sweep.latencies, lambda *_: []),
}
# Asked for by other names too.
ALIASES = {"memory": "training-8x14", "faults": "training-8x14"}
