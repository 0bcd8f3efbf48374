// The norm of a product that is never formed: ‖dYᵀ·X‖² = Σ_st (X·Xᵀ)_st·(dY·dYᵀ)_st.
//
// With X = 1·μᵀ + C, where μ is the mean token, this is Σ (C·Cᵀ)∘(dY·dYᵀ) + 2·Σ_t (C·μ)_t·(dY·s)_t + ‖s‖²·‖μ‖², s being
// the column sums of dY. Tokens are much alike, and the gradients of a softmax add up to nothing: without the
// separation large terms cancel.

/// Columns of X that are centred at a time.
#define CENTRED_COLUMNS 64

static double dot(const float *a, const float *b, size_t count) {
  double total = 0;
  for (size_t block = 0; block < count; block += 16 * LANES) {
    const size_t end = count - block < 16 * LANES ? count - block : 16 * LANES;
    floats sum = 0;
    FOR_VECTORS(i, n, end) sum = multiply_add(load(a + block + i, n), load(b + block + i, n), sum);
    total += sum_of(sum);
  }
  return total;
}

/// The mean token of columns [first, first + count) of X.
INLINE void mean_token(const gradient_factors *f, size_t first, size_t count, float *mean) {
  memset(mean, 0, count * sizeof(float));
  column_sums(f->x + first, f->x_stride, mean, f->tokens, 0, count);
  FOR_VECTORS(i, n, count) store(mean + i, load(mean + i, n) / (float)f->tokens, n);
}

/// The terms with the mean token.
static double mean_terms(const gradient_factors *f) {
  float sums[CENTRED_COLUMNS], mean[CENTRED_COLUMNS], difference[CENTRED_COLUMNS];
  double c_mu[UPDATE_TOKENS] = {0}, dy_s[UPDATE_TOKENS] = {0}, mean_square = 0, sum_square = 0;
  for (size_t j = 0; j < f->columns; j += CENTRED_COLUMNS) {
    const size_t count = f->columns - j < CENTRED_COLUMNS ? f->columns - j : CENTRED_COLUMNS;
    mean_token(f, j, count, mean);
    mean_square += dot(mean, mean, count);
    for (size_t t = 0; t < f->tokens; t++) {
      const float *const row = f->x + t * f->x_stride + j;
      FOR_VECTORS(i, n, count) store(difference + i, load(row + i, n) - load(mean + i, n), n);
      c_mu[t] += dot(difference, mean, count);
    }
  }
  for (size_t j = 0; j < f->rows; j += CENTRED_COLUMNS) {
    const size_t count = f->rows - j < CENTRED_COLUMNS ? f->rows - j : CENTRED_COLUMNS;
    memset(sums, 0, sizeof sums);
    column_sums(f->dy + j, f->dy_stride, sums, f->tokens, 0, count);
    sum_square += dot(sums, sums, count);
    for (size_t t = 0; t < f->tokens; t++) dy_s[t] += dot(f->dy + t * f->dy_stride + j, sums, count);
  }
  double cross = 0;
  for (size_t t = 0; t < f->tokens; t++) cross += c_mu[t] * dy_s[t];
  return 2 * cross + sum_square * mean_square;
}

static double gradient_norm(const gradient_factors *f, size_t part) {
  _Alignas(64) float x_gram[NORM_TOKENS * UPDATE_TOKENS], dy_gram[NORM_TOKENS * UPDATE_TOKENS];
  _Alignas(64) float centred[UPDATE_TOKENS * CENTRED_COLUMNS];
  float mean[CENTRED_COLUMNS];
  // Rows [first, last) of the Gram matrices, up to their diagonal blocks.
  const size_t first = part * NORM_TOKENS;
  const size_t last = f->tokens - first < NORM_TOKENS ? f->tokens : first + NORM_TOKENS, height = last - first;
  for (size_t j = 0; j < f->columns; j += CENTRED_COLUMNS) {
    const size_t count = f->columns - j < CENTRED_COLUMNS ? f->columns - j : CENTRED_COLUMNS;
    mean_token(f, j, count, mean);
    for (size_t t = 0; t < last; t++) {
      const float *const row = f->x + t * f->x_stride + j;
      FOR_VECTORS(i, n, count) {
        store(centred + t * CENTRED_COLUMNS + i, load(row + i, n) - load(mean + i, n), n);
      }
    }
    product(false, true, height, last, count, centred + first * CENTRED_COLUMNS, CENTRED_COLUMNS, centred,
            CENTRED_COLUMNS, j == 0 ? 0 : 1, x_gram, last);
  }
  product(false, true, height, last, f->rows, f->dy + first * f->dy_stride, f->dy_stride, f->dy, f->dy_stride, 0,
          dy_gram, last);
  double total = 0;
  for (size_t i = 0; i < height; i++) {
    // The block left of the diagonal one stands for its mirror image too.
    total += 2 * dot(x_gram + i * last, dy_gram + i * last, first);
    total += dot(x_gram + i * last + first, dy_gram + i * last + first, height);
  }
  return part == 0 ? total + mean_terms(f) : total;
}
