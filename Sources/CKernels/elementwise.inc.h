static void exp_all(const float *x, float *y, size_t count) {
  FOR_VECTORS(i, n, count) store(y + i, exp_of(load(x + i, n)), n);
}

static void erf_all(const float *x, float *y, size_t count) {
  FOR_VECTORS(i, n, count) store(y + i, erf_of(load(x + i, n)), n);
}

static void tanh_all(const float *x, float *y, size_t count) {
  FOR_VECTORS(i, n, count) store(y + i, tanh_of(load(x + i, n)), n);
}

static void tanh_backward(const float *y, const float *dy, float *dx, size_t count) {
  FOR_VECTORS(i, n, count) {
    floats value = load(y + i, n);
    store(dx + i, load(dy + i, n) * (1.0f - value * value), n);
  }
}

static void add(float *y, const float *x, size_t count) {
  FOR_VECTORS(i, n, count) store(y + i, load(y + i, n) + load(x + i, n), n);
}

static void scale_all(float *y, float factor, size_t count) {
  FOR_VECTORS(i, n, count) store(y + i, load(y + i, n) * factor, n);
}

INLINE floats dropped(floats x, const uint8_t *mask, float scale, size_t n) {
  return load_mask(mask, n) ? x * scale : splat(0.0f);
}

static void dropout(const float *x, const uint8_t *mask, float scale, float *y, size_t count) {
  if (mask == NULL) {
    FOR_VECTORS(i, n, count) store(y + i, load(x + i, n) * scale, n);
  } else {
    FOR_VECTORS(i, n, count) store(y + i, dropped(load(x + i, n), mask + i, scale, n), n);
  }
}

static void add_bias(float *x, size_t stride, const float *bias, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) add(x + r * stride, bias, columns);
}

INLINE void bias_activation_of(activation_kind kind, float *u, size_t ldu, const float *bias, float *a, size_t lda,
                               size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, u += ldu, a += lda) {
    FOR_VECTORS(c, n, columns) {
      floats x = load(u + c, n) + load(bias + c, n);
      store(u + c, x, n);
      store(a + c, activation_of(kind, x), n);
    }
  }
}

static void bias_activation(activation_kind kind, float *u, size_t ldu, const float *bias, float *a, size_t lda,
                            size_t rows, size_t columns) {
  switch (kind) {  // so that each loop knows its activation
    case ACTIVATION_GELU: bias_activation_of(ACTIVATION_GELU, u, ldu, bias, a, lda, rows, columns); break;
    case ACTIVATION_GELU_TANH: bias_activation_of(ACTIVATION_GELU_TANH, u, ldu, bias, a, lda, rows, columns); break;
    case ACTIVATION_RELU: bias_activation_of(ACTIVATION_RELU, u, ldu, bias, a, lda, rows, columns); break;
  }
}

INLINE void activation_backward_of(activation_kind kind, const float *u, float *da, size_t count) {
  FOR_VECTORS(i, n, count) {
    floats derivative = activation_derivative_of(kind, load(u + i, n));
    store(da + i, load(da + i, n) * derivative, n);
  }
}

static void activation_backward(activation_kind kind, const float *u, float *da, size_t count) {
  switch (kind) {
    case ACTIVATION_GELU: activation_backward_of(ACTIVATION_GELU, u, da, count); break;
    case ACTIVATION_GELU_TANH: activation_backward_of(ACTIVATION_GELU_TANH, u, da, count); break;
    case ACTIVATION_RELU: activation_backward_of(ACTIVATION_RELU, u, da, count); break;
  }
}

static void embed(const float *word, const float *type, const float *position, const int32_t *ids,
                  const int32_t *types, const int32_t *positions, float *out, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, out += columns) {
    const float *w = word + (size_t)ids[r] * columns;
    const float *t = type + (size_t)types[r] * columns;
    const float *p = position + (size_t)positions[r] * columns;
    FOR_VECTORS(c, n, columns) store(out + c, (load(w + c, n) + load(t + c, n)) + load(p + c, n), n);
  }
}
