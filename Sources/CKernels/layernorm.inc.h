// Sums along a row run in four vectors that are combined in a tree; sums along a column run in blocks of rows.

/// Rows that are summed before they join the total, so that the error of a sum grows with the square root of R.
#define BLOCK_ROWS 64

static void bias_dropout_residual_layernorm(float *x, const float *bias, const uint8_t *mask, float scale,
                                            const float *residual, const float *gamma, const float *beta,
                                            float epsilon, float *y, float *mean, float *rstd, size_t rows,
                                            size_t columns) {
  const float count = (float)columns;
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    floats sum[4] = {0};
    size_t turn = 0;
    FOR_VECTORS(c, n, columns) {
      floats z = load(x + c, n);
      if (bias != NULL) z = z + load(bias + c, n);
      if (mask != NULL) z = dropped(z, mask + r * columns + c, scale, n);
      if (residual != NULL) z = z + load(residual + r * columns + c, n);
      store(x + c, z, n);
      sum[turn++ & 3] += z;
    }
    const float m = sum_of((sum[0] + sum[1]) + (sum[2] + sum[3])) / count;
    floats square[4] = {0};
    turn = 0;
    FOR_VECTORS(c, n, columns) {
      floats difference = load(x + c, n) - m;
      if (n < LANES) difference = first_lanes(n) ? difference : splat(0.0f);
      square[turn & 3] = multiply_add(difference, difference, square[turn & 3]);
      turn++;
    }
    const float variance = sum_of((square[0] + square[1]) + (square[2] + square[3])) / count;
    const float s = 1.0f / sqrtf(variance + epsilon);
    if (mean != NULL) mean[r] = m;
    if (rstd != NULL) rstd[r] = s;
    FOR_VECTORS(c, n, columns) {
      floats normal = (load(x + c, n) - m) * s;
      store(y + c, multiply_add(normal, load(gamma + c, n), load(beta + c, n)), n);
    }
  }
}

static void layernorm_backward(const float *dy, const float *z, const float *mean, const float *rstd,
                               const float *gamma, float *dz, size_t rows, size_t columns) {
  const float count = (float)columns;
  for (size_t r = 0; r < rows; r++, dy += columns, z += columns, dz += columns) {
    const float m = mean[r], s = rstd[r];
    floats sum[4] = {0}, product[4] = {0};  // of g = dy·gamma, and of g·normal
    size_t turn = 0;
    FOR_VECTORS(c, n, columns) {
      floats g = load(dy + c, n) * load(gamma + c, n);
      floats normal = (load(z + c, n) - m) * s;
      sum[turn & 3] += g;
      product[turn & 3] = multiply_add(g, normal, product[turn & 3]);
      turn++;
    }
    const float g_mean = sum_of((sum[0] + sum[1]) + (sum[2] + sum[3])) / count;
    const float product_mean = sum_of((product[0] + product[1]) + (product[2] + product[3])) / count;
    FOR_VECTORS(c, n, columns) {
      floats g = load(dy + c, n) * load(gamma + c, n);
      floats normal = (load(z + c, n) - m) * s;
      store(dz + c, multiply_add(normal, splat(-product_mean), g - g_mean) * s, n);
    }
  }
}

static void layernorm_backward_parameters(const float *dy, const float *z, const float *mean, const float *rstd,
                                          float *dgamma, float *dbeta, size_t rows, size_t columns, size_t first,
                                          size_t last) {
  for (size_t c = first; c < last; c += LANES) {
    const size_t n = last - c < LANES ? last - c : LANES;
    floats gamma_sum = load(dgamma + c, n), beta_sum = load(dbeta + c, n);
    for (size_t block = 0; block < rows; block += BLOCK_ROWS) {
      const size_t end = rows - block < BLOCK_ROWS ? rows : block + BLOCK_ROWS;
      floats gamma_block = 0, beta_block = 0;
      for (size_t r = block; r < end; r++) {
        floats g = load(dy + r * columns + c, n);
        floats normal = (load(z + r * columns + c, n) - mean[r]) * rstd[r];
        gamma_block = multiply_add(g, normal, gamma_block);
        beta_block += g;
      }
      gamma_sum += gamma_block;
      beta_sum += beta_block;
    }
    store(dgamma + c, gamma_sum, n);
    store(dbeta + c, beta_sum, n);
  }
}

static void column_sums(const float *x, size_t stride, float *sums, size_t rows, size_t first, size_t last) {
  for (size_t c = first; c < last; c += 4 * LANES) {  // four vectors a row, so that memory is read in longer pieces
    size_t n[4];
    floats sum[4];
    for (size_t v = 0; v < 4; v++) {
      const size_t at = c + v * LANES;
      n[v] = at >= last ? 0 : (last - at < LANES ? last - at : LANES);
      sum[v] = load(sums + c + v * LANES, n[v]);
    }
    for (size_t block = 0; block < rows; block += BLOCK_ROWS) {
      const size_t end = rows - block < BLOCK_ROWS ? rows : block + BLOCK_ROWS;
      floats part[4] = {0};
      for (size_t r = block; r < end; r++) {
        for (size_t v = 0; v < 4; v++) part[v] += load(x + r * stride + c + v * LANES, n[v]);
      }
      for (size_t v = 0; v < 4; v++) sum[v] += part[v];
    }
    for (size_t v = 0; v < 4; v++) store(sums + c + v * LANES, sum[v], n[v]);
  }
}
