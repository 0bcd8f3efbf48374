static double sum_of_squares(const float *x, size_t count) {
  doubles sum[2] = {0};
  FOR_VECTORS(i, n, count) {
    floats value = load(x + i, n);
    doubles low = __builtin_convertvector(value.lo, doubles), high = __builtin_convertvector(value.hi, doubles);
    sum[0] += low * low;
    sum[1] += high * high;
  }
  doubles lanes = sum[0] + sum[1];
  double total = 0;
  for (int i = 0; i < LANES / 2; i++) total += lanes[i];
  return total;
}

/// The step of `n` parameters. `gradient` is multiplied by the scale already.
INLINE void adamw_lanes(float *p, float *m, float *v, floats gradient, const adamw_step *s, size_t n) {
  floats first = load(m, n), second = load(v, n);
  first = multiply_add(splat(s->one_minus_beta1), gradient - first, first);
  second = multiply_add(s->one_minus_beta2 * gradient, gradient, second * s->beta2);
  floats root = __builtin_elementwise_sqrt(second) / s->bias_correction2_sqrt;
  store(m, first, n);
  store(v, second, n);
  store(p, load(p, n) * s->decay - s->step_size * first / (root + s->epsilon), n);
}

INLINE void adamw_of(bool has_gradient, float *p, float *m, float *v, const float *g, const adamw_step *step,
                     size_t count) {
  const adamw_step s = *step;
  FOR_VECTORS(i, n, count) {
    floats gradient = has_gradient ? load(g + i, n) * s.gradient_scale : splat(0.0f);
    adamw_lanes(p + i, m + i, v + i, gradient, &s, n);
  }
}

static void adamw(float *p, float *m, float *v, const float *g, const adamw_step *step, size_t count) {
  if (g == NULL) {
    adamw_of(false, p, m, v, g, step, count);
  } else {
    adamw_of(true, p, m, v, g, step, count);
  }
}
