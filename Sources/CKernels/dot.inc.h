// Y = act(X·Wᵀ + bias) for a few rows of X, from W as it lies in a file: row-major, one row an output.
//
// Vectors run along k, so that nothing is transposed; an element is the sum of its lanes, each summed in the order
// of k, then added in a tree. Its bits depend on k alone, not on the place in Y nor on how Y is cut.

#if LANES == 16 || defined(__aarch64__)  // 32 registers
#define DOT_ROWS 6
#define DOT_OUTPUTS 4
#define MOST_DOT_ROWS 12
#else
#define DOT_ROWS 3
#define DOT_OUTPUTS 3
#define MOST_DOT_ROWS 8
#endif

/// `rows` and `outputs` are constants of the call.
INLINE void dot_tile(const size_t rows, const size_t outputs, size_t k, const float *x, size_t ldx, const float *w,
                     size_t ldw, size_t ahead, float *y, size_t ldy) {
  floats sum[DOT_ROWS][DOT_OUTPUTS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < outputs; j++) sum[i][j] = 0;
  }
  FOR_VECTORS(p, n, k) {
    floats weights[DOT_OUTPUTS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < outputs; j++) {
      if (ahead > 0) __builtin_prefetch(w + j * ldw + p + ahead, 0, 2);
      weights[j] = load(w + j * ldw + p, n);
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const floats values = load(x + i * ldx + p, n);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < outputs; j++) sum[i][j] = multiply_add(values, weights[j], sum[i][j]);
    }
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#if LANES == 16
    if (outputs == 4) {
      // The tree of `sum_of`, four at a time.
      const floats a = sum[i][0], b = sum[i][1], c = sum[i][2], d = sum[i][3];
      const floats ab = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                        __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
      const floats cd = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                        __builtin_shufflevector(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
      const floats abcd = __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
                          __builtin_shufflevector(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
      const floats pairs =
        abcd + __builtin_shufflevector(abcd, abcd, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
      const floats totals =
        pairs + __builtin_shufflevector(pairs, pairs, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
      typedef float four __attribute__((ext_vector_type(4), aligned(4), may_alias));
      *(four *)(y + i * ldy) = __builtin_shufflevector(totals, totals, 0, 4, 8, 12);
      continue;
    }
#endif
#pragma clang loop unroll(full)
    for (size_t j = 0; j < outputs; j++) y[i * ldy + j] = sum_of(sum[i][j]);
  }
}

typedef void dot_tile_function(size_t k, const float *x, size_t ldx, const float *w, size_t ldw, size_t ahead,
                               float *y, size_t ldy);

#define DOT_TILE(rows)                                                                                         \
  static void dot_tile_##rows(size_t k, const float *x, size_t ldx, const float *w, size_t ldw, size_t ahead,  \
                              float *y, size_t ldy) {                                                          \
    dot_tile(rows, DOT_OUTPUTS, k, x, ldx, w, ldw, ahead, y, ldy);                                             \
  }                                                                                                            \
  static void dot_tile_##rows##_1(size_t k, const float *x, size_t ldx, const float *w, size_t ldw,            \
                                  size_t ahead, float *y, size_t ldy) {                                        \
    dot_tile(rows, 1, k, x, ldx, w, ldw, ahead, y, ldy);                                                       \
  }
DOT_TILE(1) DOT_TILE(2) DOT_TILE(3)
#if DOT_ROWS > 3
DOT_TILE(4) DOT_TILE(5) DOT_TILE(6)
#endif

static dot_tile_function *const dot_tiles[2][DOT_ROWS + 1] = {
  {NULL, dot_tile_1_1, dot_tile_2_1, dot_tile_3_1,
#if DOT_ROWS > 3
   dot_tile_4_1, dot_tile_5_1, dot_tile_6_1,
#endif
  },
  {NULL, dot_tile_1, dot_tile_2, dot_tile_3,
#if DOT_ROWS > 3
   dot_tile_4, dot_tile_5, dot_tile_6,
#endif
  },
};

static void linear_dot(size_t m, size_t n, size_t k, const float *x, size_t ldx, const float *w, size_t ldw,
                       const product_epilogue *epilogue, float *y, size_t ldy) {
  const size_t tile_count = (m + DOT_ROWS - 1) / DOT_ROWS;
  for (size_t j = 0; j < n;) {
    const size_t outputs = n - j >= DOT_OUTPUTS ? DOT_OUTPUTS : 1;
    for (size_t i = 0; i < tile_count; i++) {
      const size_t first = m * i / tile_count, rows = m * (i + 1) / tile_count - first;
      // The first tile brings the weights; it also asks for those of the next outputs.
      const size_t ahead = i == 0 && j + 2 * outputs <= n ? outputs * ldw : 0;
      dot_tiles[outputs > 1][rows](k, x + first * ldx, ldx, w + j * ldw, ldw, ahead, y + first * ldy + j, ldy);
    }
    j += outputs;
  }
  finish_rows(epilogue, 0, y, ldy, m, n);
}
