#!/usr/bin/env python3
"""Times `tokenizers` on the lines of a file, one thread, all lines in one batch.

--call is encode_batch or encode_batch_fast. Nothing is cut or padded. With --ids the ids are written to a
file: for each line their number, then the ids, 32 bits each.
"""

import array
import os

import common

os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1")

import tokenizers


def main():
    parser = common.parser(__doc__, warm_up=1, least=3, most=20)
    parser.add_argument("--lines", required=True)
    parser.add_argument("--call", default="encode_batch")
    parser.add_argument("--ids")
    options = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(options.model, "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    with open(options.lines, encoding="utf-8", newline="\n") as file:
        lines = file.read().rstrip("\n").split("\n")
    encode = getattr(tokenizer, options.call)
    result = common.timed(lambda: encode(lines), options)
    encodings = encode(lines)
    result |= dict(
        bytes=os.path.getsize(options.lines), tokens=sum(len(encoding.ids) for encoding in encodings)
    )
    if options.ids:
        written = array.array("i")
        for encoding in encodings:
            written.append(len(encoding.ids))
            written.extend(encoding.ids)
        with open(options.ids, "wb") as file:
            written.tofile(file)
    common.finish({"lines": result}, versions=dict(tokenizers=tokenizers.__version__))


if __name__ == "__main__":
    main()
