#!/usr/bin/env python3
"""Times a BERT classifier in transformers, from token ids to logits."""

import common

import torch
import transformers
from transformers import BertForSequenceClassification


def main():
    options = common.parser(__doc__).parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    vocabulary, results = common.words(options.model), {}
    model = BertForSequenceClassification.from_pretrained(options.model, attn_implementation="sdpa").eval()
    with torch.inference_mode():
        for shape in options.shapes.split(","):
            inputs = common.padded(common.rows(vocabulary, shape))
            inputs = {name: torch.tensor(values) for name, values in inputs.items()}
            results[shape] = common.timed(lambda: model(**inputs).logits, options)
            results[shape]["logits"] = model(**inputs).logits.tolist()
    common.finish(results, versions=dict(torch=torch.__version__, transformers=transformers.__version__))


if __name__ == "__main__":
    main()
