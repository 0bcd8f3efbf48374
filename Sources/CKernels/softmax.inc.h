// Softmax and cross entropy, one row at a time, the largest element subtracted.

static void softmax(float *x, size_t stride, const uint8_t *keep, float scale, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, x += stride) {
    const uint8_t *k = keep;
    floats top = splat(-INFINITY);
    FOR_VECTORS(c, n, columns) {
      ints kept = load_mask(k == NULL ? NULL : k + c, n);
      top = larger(top, kept ? load(x + c, n) * scale : splat(-INFINITY));
    }
    const float largest = largest_of(top);
    floats total = 0;
    FOR_VECTORS(c, n, columns) {
      ints kept = load_mask(k == NULL ? NULL : k + c, n);
      floats e = kept ? exp_of(load(x + c, n) * scale - largest) : splat(0.0f);
      total += e;
      store(x + c, e, n);
    }
    const float sum = sum_of(total);
    const float divisor = sum == 0.0f ? 1.0f : sum;  // 0 where no column is kept
    FOR_VECTORS(c, n, columns) store(x + c, load(x + c, n) / divisor, n);
  }
}

static void softmax_backward(const float *p, const float *dp, float *dx, size_t stride, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, p += stride, dp += stride, dx += stride) {
    floats sum = 0;
    FOR_VECTORS(c, n, columns) sum = multiply_add(load(p + c, n), load(dp + c, n), sum);
    const float dot = sum_of(sum);
    FOR_VECTORS(c, n, columns) store(dx + c, load(p + c, n) * (load(dp + c, n) - dot), n);
  }
}

/// Elements of a row that are summed in float before they join a total in double.
#define BLOCK_COLUMNS 1024

static void cross_entropy(const float *x, const int32_t *targets, float smoothing, float weight, float *losses,
                          float *dx, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, x += columns) {
    float *const d = dx == NULL ? NULL : dx + r * columns;
    if (targets[r] < 0) {
      losses[r] = 0;
      if (d != NULL) memset(d, 0, columns * sizeof(float));
      continue;
    }
    floats top = splat(-INFINITY);
    double values = 0;
    for (size_t block = 0; block < columns; block += BLOCK_COLUMNS) {
      const size_t end = columns - block < BLOCK_COLUMNS ? columns - block : BLOCK_COLUMNS;
      floats sum = 0;
      FOR_VECTORS(c, n, end) {
        floats value = load(x + block + c, n);
        top = larger(top, n < LANES ? (first_lanes(n) ? value : splat(-INFINITY)) : value);
        sum += value;
      }
      values += sum_of(sum);
    }
    const float largest = largest_of(top);
    const double target_value = x[targets[r]];  // read before dx, which may be x, is written
    double total = 0;
    for (size_t block = 0; block < columns; block += BLOCK_COLUMNS) {
      const size_t end = columns - block < BLOCK_COLUMNS ? columns - block : BLOCK_COLUMNS;
      floats sum = 0;
      FOR_VECTORS(c, n, end) {
        floats e = exp_of(load(x + block + c, n) - largest);
        if (n < LANES) e = first_lanes(n) ? e : splat(0.0f);
        sum += e;
        if (d != NULL) store(d + block + c, e, n);
      }
      total += sum_of(sum);
    }
    // -log p[j] = log Σ exp - x[j]
    const double log_sum = log(total) + largest;
    double loss = log_sum - target_value;
    const double even = (double)smoothing / (double)columns;
    if (smoothing != 0) loss = (1.0 - smoothing) * loss + even * ((double)columns * log_sum - values);
    losses[r] = (float)loss;
    if (d == NULL) continue;
    const float inverse = (float)(1.0 / total), other = (float)even;
    const float target = d[targets[r]] * inverse - (float)(1.0 - smoothing + even);
    FOR_VECTORS(c, n, columns) {
      store(d + c, multiply_add(load(d + c, n), splat(inverse), splat(-other)) * weight, n);
    }
    d[targets[r]] = target * weight;
  }
}
