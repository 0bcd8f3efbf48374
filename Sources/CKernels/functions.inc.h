// exp, erf, tanh and the activations on one vector. Coefficients: Tools/oracle/kernels_polynomials.py.

/// Cody-Waite reduction by ln 2, then degree 6. Below -104 the result is 0, above 88.73 infinity; NaN stays NaN.
INLINE floats exp_of(floats x) {
  x = x < -104.0f ? splat(-104.0f) : x;
  x = x > 89.0f ? splat(89.0f) : x;
  // Adding 1.5·2^23 rounds to an integer, which then stands in the low bits.
  const floats rounder = splat(0x1.8p23f);
  floats shifted = multiply_add(x, splat(1.44269504f), rounder);
  floats n = shifted - rounder;
  ints exponent = bits_of(shifted) - bits_of(rounder);
  floats r = multiply_add(n, splat(-0.693359375f), x);  // n·0.693359375 is exact
  r = multiply_add(n, splat(2.12194440e-4f), r);
  floats p = splat(0.00139357755f);
  p = multiply_add(p, r, splat(0.00836924277f));
  p = multiply_add(p, r, splat(0.0416664556f));
  p = multiply_add(p, r, splat(0.166665152f));
  p = multiply_add(p, r, splat(0.5f));
  p = multiply_add(p, r * r, r) + 1.0f;
  // 2^n in two factors, because n may lie outside the exponents of a float by one bit.
  ints half = exponent >> 1;
  return p * from_bits((half + 127) << 23) * from_bits((exponent - half + 127) << 23);
}

/// erf(x) for |x| below 0.93.
INLINE floats erf_near_zero(floats x) {
  floats s = x * x;
  floats p = splat(-0.000597433245f);
  p = multiply_add(p, s, splat(0.00499048224f));
  p = multiply_add(p, s, splat(-0.026765259f));
  p = multiply_add(p, s, splat(0.112817973f));
  p = multiply_add(p, s, splat(-0.376124948f));
  p = multiply_add(p, s, splat(0.128379151f));
  return multiply_add(p, x, x);
}

/// erfc(t) for t of at least 0.92; 0 from 10.
INLINE floats erfc_of(floats t) {
  t = t > 10.0f ? splat(10.0f) : t;
  floats p = splat(1.69318864e-5f);
  p = multiply_add(p, t, splat(-0.000378545432f));
  p = multiply_add(p, t, splat(0.00386177283f));
  p = multiply_add(p, t, splat(-0.0242067687f));
  p = multiply_add(p, t, splat(0.106727786f));
  p = multiply_add(p, t, splat(0.634871006f));
  p = multiply_add(p, t, splat(0.128713325f));
  return exp_of(-multiply_add(p, t, t));
}

INLINE floats erf_of(floats x) {
  floats t = absolute(x);
  return t > 0.93f ? with_sign_of(1.0f - erfc_of(t), x) : erf_near_zero(x);
}

INLINE floats tanh_of(floats x) {
  floats t = absolute(x), s = x * x;
  floats p = splat(-0.00570163503f);
  p = multiply_add(p, s, splat(0.0206354298f));
  p = multiply_add(p, s, splat(-0.0537382923f));
  p = multiply_add(p, s, splat(0.133314192f));
  p = multiply_add(p, s, splat(-0.333332807f));
  floats near = multiply_add(p * s, t, t);
  t = t > 10.0f ? splat(10.0f) : t;
  floats far = 1.0f - 2.0f / (exp_of(t + t) + 1.0f);
  return with_sign_of(t > 0.625f ? far : near, x);
}

/// Φ(x), the normal distribution. The negative tail comes from erfc, so it keeps its relative accuracy, which
/// (1 + erf)/2 would lose.
INLINE floats normal_distribution(floats x) {
  floats z = x * 0.707106781f, t = absolute(z);
  floats tail = 0.5f * erfc_of(t);
  floats near = multiply_add(splat(0.5f), erf_near_zero(z), splat(0.5f));
  return t > 0.93f ? (z < 0.0f ? tail : 1.0f - tail) : near;
}

/// Twice the argument of the tanh in the approximate GELU: 2·√(2/π)·(x + 0.044715·x³).
INLINE floats twice_gelu_tanh_argument(floats x) {
  return 1.59576912f * x * multiply_add(splat(0.044715f), x * x, splat(1.0f));
}

INLINE floats activation_of(activation_kind kind, floats x) {
  switch (kind) {
    case ACTIVATION_GELU:
      return x * normal_distribution(x);
    case ACTIVATION_GELU_TANH:
      // (1 + tanh u)/2 = 1/(1 + exp(-2u)), without the cancellation near -1.
      return x / (1.0f + exp_of(-twice_gelu_tanh_argument(x)));
    case ACTIVATION_RELU:
      return x < 0.0f ? splat(0.0f) : x;  // NaN stays NaN
  }
}

INLINE floats activation_derivative_of(activation_kind kind, floats x) {
  switch (kind) {
    case ACTIVATION_GELU:
      return multiply_add(x * 0.398942280f, exp_of(-0.5f * x * x), normal_distribution(x));
    case ACTIVATION_GELU_TANH: {
      floats u = twice_gelu_tanh_argument(x);
      floats e = exp_of(-absolute(u)), q = 1.0f / (1.0f + e);
      floats sigmoid = u < 0.0f ? e * q : q;
      floats slope = 1.59576912f * multiply_add(splat(3 * 0.044715f), x * x, splat(1.0f));
      return multiply_add(x * slope, e * q * q, sigmoid);
    }
    case ACTIVATION_RELU:
      return x > 0.0f ? splat(1.0f) : splat(0.0f);
  }
}
