"""Prints the polynomial coefficients of Sources/CKernels/functions.inc.h.

Run: python3 Tools/oracle/kernels_polynomials.py     (mpmath 1.3.0)

Each is a weighted least-squares fit on Chebyshev nodes in 50-digit arithmetic. Coefficients are rounded to float one
at a time, from the lowest degree up, and those that remain are fitted again.
"""

import struct

import mpmath as mp

mp.mp.dps = 50
NODES = 200


def rounded_to_float(x):
    return mp.mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def least_squares(values, weights, nodes, degrees):
    n = len(degrees)
    normal, right = mp.matrix(n, n), mp.matrix(n, 1)
    for x, y, w in zip(nodes, values, weights):
        row = [w * x**d for d in degrees]
        for i in range(n):
            right[i] += row[i] * w * y
            for j in range(n):
                normal[i, j] += row[i] * row[j]
    return list(mp.lu_solve(normal, right))


def fit(name, f, weight, a, b, count):
    a, b = mp.mpf(a), mp.mpf(b)
    nodes = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * (k + mp.mpf(1) / 2) / NODES) for k in range(NODES)]
    values, weights = [f(x) for x in nodes], [weight(x) for x in nodes]
    coefficients = []
    for degree in range(count):
        rest = [y - sum(c * x**d for d, c in enumerate(coefficients)) for x, y in zip(nodes, values)]
        coefficients.append(rounded_to_float(least_squares(rest, weights, nodes, range(degree, count))[0]))
    error = max(
        abs(w * (y - sum(c * x**d for d, c in enumerate(coefficients)))) for x, y, w in zip(nodes, values, weights))
    print(f"{name}: largest weighted error {mp.nstr(error, 3)}")
    for degree, c in enumerate(coefficients):
        print(f"  x^{degree}: {mp.nstr(c, 9)}f")


half = mp.log(2) / 2 * mp.mpf("1.001")
fit("exp(r) = 1 + r + r²·P(r)", lambda r: (mp.exp(r) - 1 - r) / r**2, lambda r: r**2, -half, half, 5)
fit("erf(x) = x + x·P(x²), |x| <= 0.93", lambda s: mp.erf(mp.sqrt(s)) / mp.sqrt(s) - 1, lambda s: 1, "1e-9",
    "0.8649", 6)
# What counts is the absolute error of erfc; the small constant keeps the tail in shape for GELU.
fit("erfc(x) = exp(-x - x·P(x)), x > 0.93", lambda x: -mp.log(mp.erfc(x)) / x - 1,
    lambda x: x * (mp.erfc(x) + mp.mpf("0.003")), "0.92", "4.0", 7)
fit("tanh(x) = x + x³·P(x²), |x| <= 0.625", lambda s: (mp.tanh(mp.sqrt(s)) / mp.sqrt(s) - 1) / s, lambda s: s,
    "1e-9", "0.390625", 5)
