#!/usr/bin/env python3
"""Times a BERT classifier in onnxruntime, from token ids to logits. --graph names the file."""

import common

import numpy as np
import onnxruntime


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--graph", required=True)
    options = parser.parse_args()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(options.graph, settings, providers=["CPUExecutionProvider"])
    taken = {taken.name: np.int32 if "int32" in taken.type else np.int64 for taken in session.get_inputs()}
    vocabulary, results = common.words(options.model), {}
    for shape in options.shapes.split(","):
        inputs = common.padded(common.rows(vocabulary, shape))
        inputs = {name: np.array(values, taken[name]) for name, values in inputs.items() if name in taken}
        results[shape] = common.timed(lambda: session.run(["logits"], inputs), options)
        results[shape]["logits"] = session.run(["logits"], inputs)[0].tolist()
    common.finish(results, versions=dict(onnxruntime=onnxruntime.__version__))


if __name__ == "__main__":
    main()
