#!/usr/bin/env python3
"""Times torch.mm, that is MKL on x86, on the products of a bert-base layer.

For every (N, K) of a weight and every M of --rows: forward x·Wᵀ, input gradient dy·W, weight gradient dyᵀ·x. Operands
are written into beforehand, results go where they went before.
"""

import common

import torch


def main():
    parser = common.parser(__doc__, seconds=0.05, least=5, most=1000, warm_up=2)
    parser.add_argument("--rows", default="14,112")
    parser.add_argument("--weights", default="768x768,2304x768,3072x768,768x3072")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    results = {}
    for weight in options.weights.split(","):
        n, k = map(int, weight.split("x"))
        w = torch.randn(n, k)
        for m in map(int, options.rows.split(",")):
            x, dy = torch.randn(m, k), torch.randn(m, n)
            out = dict(forward=torch.empty(m, n), dx=torch.empty(m, k), dw=torch.empty(n, k))
            calls = dict(
                forward=lambda: torch.mm(x, w.t(), out=out["forward"]),
                dx=lambda: torch.mm(dy, w, out=out["dx"]),
                dw=lambda: torch.mm(dy.t(), x, out=out["dw"]),
            )
            for name, call in calls.items():
                with torch.inference_mode():
                    results[f"{name} {m}x{n}x{k}"] = common.timed(call, options)
    blas = "MKL" if torch.backends.mkl.is_available() else "no MKL"
    common.finish(results, versions=dict(torch=f"{torch.__version__}, {blas}"))


if __name__ == "__main__":
    main()
