#!/usr/bin/env python3
"""Times a BERT classifier in CTranslate2, from token ids to logits. --converted names the model's folder.

CTranslate2 computes the encoder and the pooler; the classifier, a product with 3 rows, is NumPy's. Padding is
taken out by CTranslate2 itself, which is given the lengths.
"""

import os

import common

import ctranslate2
import numpy as np
from safetensors.numpy import load_file


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--converted", required=True)
    parser.add_argument("--compute", default="float32", help="float32 or int8")
    options = parser.parse_args()
    encoder = ctranslate2.Encoder(
        options.converted, device="cpu", compute_type=options.compute, intra_threads=options.threads
    )
    weights = load_file(os.path.join(options.model, "model.safetensors"))
    weight, bias = weights["classifier.weight"].copy(), weights["classifier.bias"].copy()
    del weights
    vocabulary, results = common.words(options.model), {}
    for shape in options.shapes.split(","):
        rows = common.rows(vocabulary, shape)
        inputs = common.padded(rows)
        tokens, lengths = np.array(inputs["input_ids"], np.int32), np.array(
            [len(row) for row in rows], np.int32
        )
        view = ctranslate2.StorageView.from_array

        def call():
            pooled = encoder.forward_batch(view(tokens), view(lengths)).pooler_output
            return np.array(pooled) @ weight.T + bias

        results[shape] = common.timed(call, options)
        results[shape]["logits"] = call().tolist()
    common.finish(results, versions=dict(ctranslate2=ctranslate2.__version__, numpy=np.__version__))


if __name__ == "__main__":
    main()
