// C = op(A)·op(B) + beta·C on one thread, for the shapes of a transformer: few rows in A, B large.
//
// B is copied, a panel of two vectors' width and DEPTH rows at a time, to where it streams; A is read where it lies.
// Every element is summed in the order of k within blocks of DEPTH, whatever its place in C, so that a product gives
// the same bits however it is cut into panels of rows and columns.

#define PANEL (2 * LANES)
#define DEPTH 256
/// Rows of A that are copied at a time.
#define BAND_ROWS (12 * 14)

/// The part of B that will be packed next, so that it is in the cache by then: the step p of a tile touches the
/// element (p >> shift)·stride + (p & mask)·LINE.
typedef struct {
  const float *start;
  size_t stride, shift, mask;
} upcoming;
#define LINE 16

/// A times a packed panel into a tile of C, `rows` and `transpose_a` being constants of the call.
INLINE void tile(const size_t rows, const bool transpose_a, size_t depth, const float *a, size_t lda,
                 const float *panel, upcoming next, float beta, float *c, size_t ldc, size_t columns) {
  floats sum[TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) sum[i][0] = sum[i][1] = 0;
  for (size_t p = 0; p < depth; p++) {
    if (next.start != NULL) {
      __builtin_prefetch(next.start + (p >> next.shift) * next.stride + (p & next.mask) * LINE, 0, 2);
    }
    const floats left = *(const floats_in_memory *)(panel + p * PANEL);
    const floats right = *(const floats_in_memory *)(panel + p * PANEL + LANES);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const floats factor = splat(transpose_a ? a[p * lda + i] : a[i * lda + p]);
      sum[i][0] = multiply_add(factor, left, sum[i][0]);
      sum[i][1] = multiply_add(factor, right, sum[i][1]);
    }
  }
  const size_t n[2] = {columns < LANES ? columns : LANES, columns < LANES ? 0 : columns - LANES};
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t half = 0; half < 2; half++) {
      if (n[half] == 0) continue;
      float *const out = c + i * ldc + half * LANES;
      floats value = sum[i][half];
      if (beta != 0) value = multiply_add(splat(beta), load(out, n[half]), value);
      store(out, value, n[half]);
    }
  }
}

/// X(1) X(2) … for every height of a tile.
#if TILE_ROWS > 12
#define EACH_TILE(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif TILE_ROWS > 6
#define EACH_TILE(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#else
#define EACH_TILE(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif

typedef void tile_function(size_t depth, const float *a, size_t lda, const float *panel, upcoming next, float beta,
                           float *c, size_t ldc, size_t columns);

#define TILE(rows)                                                                                              \
  static void tile_##rows(size_t depth, const float *a, size_t lda, const float *panel, upcoming next,          \
                          float beta, float *c, size_t ldc, size_t columns) {                                   \
    tile(rows, false, depth, a, lda, panel, next, beta, c, ldc, columns);                                       \
  }                                                                                                             \
  static void tile_transposed_##rows(size_t depth, const float *a, size_t lda, const float *panel,              \
                                     upcoming next, float beta, float *c, size_t ldc, size_t columns) {         \
    tile(rows, true, depth, a, lda, panel, next, beta, c, ldc, columns);                                        \
  }
EACH_TILE(TILE)

#define PLAIN(rows) tile_##rows,
#define TRANSPOSED(rows) tile_transposed_##rows,
static tile_function *const tiles[2][TILE_ROWS + 1] = {{NULL, EACH_TILE(PLAIN)}, {NULL, EACH_TILE(TRANSPOSED)}};

/// Four columns of LANES rows of b become four rows of `out`, PANEL apart.
///
/// A vector takes four elements of every fourth row straight from memory, which costs no shuffle; what remains is a
/// transposition of 4 by 4 within its quarters.
INLINE void transpose_four(const float *b, size_t ldb, float *out) {
  typedef float four __attribute__((ext_vector_type(4), aligned(4), may_alias));
  floats x[4];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < 4; i++) {
    const four first = *(const four *)(b + i * ldb);
#if LANES == 4
    x[i] = first;
#else
    const four second = *(const four *)(b + (4 + i) * ldb);
    __auto_type eight = __builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7);
#if LANES == 8
    x[i] = eight;
#else
    const four third = *(const four *)(b + (8 + i) * ldb), fourth = *(const four *)(b + (12 + i) * ldb);
    __auto_type other = __builtin_shufflevector(third, fourth, 0, 1, 2, 3, 4, 5, 6, 7);
    x[i] = __builtin_shufflevector(eight, other, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
#endif
  }
#if LANES == 16
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#elif LANES == 8
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#else
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#endif
  const floats left_low = LOW_PAIRS(x[0], x[1]), left_high = HIGH_PAIRS(x[0], x[1]);
  const floats right_low = LOW_PAIRS(x[2], x[3]), right_high = HIGH_PAIRS(x[2], x[3]);
  *(floats_in_memory *)out = LOW_HALVES(left_low, right_low);
  *(floats_in_memory *)(out + PANEL) = HIGH_HALVES(left_low, right_low);
  *(floats_in_memory *)(out + 2 * PANEL) = LOW_HALVES(left_high, right_high);
  *(floats_in_memory *)(out + 3 * PANEL) = HIGH_HALVES(left_high, right_high);
#undef LOW_PAIRS
#undef HIGH_PAIRS
#undef LOW_HALVES
#undef HIGH_HALVES
}

/// Copies `depth` rows of `columns` elements of op(B) to a panel; missing columns become 0.
INLINE void pack_panel(bool transpose_b, const float *b, size_t ldb, size_t depth, size_t columns, float *panel) {
  for (size_t half = 0; half < PANEL; half += LANES) {
    const size_t n = columns <= half ? 0 : (columns - half < LANES ? columns - half : LANES);
    if (!transpose_b) {
      for (size_t p = 0; p < depth; p++) {
        *(floats_in_memory *)(panel + p * PANEL + half) = load(b + p * ldb + half, n);
      }
      continue;
    }
    size_t p = 0;
    if (n == LANES) {
      for (; p + 4 <= depth; p += 4) transpose_four(b + half * ldb + p, ldb, panel + p * PANEL + half);
    }
    for (; p < depth; p++) {
      floats x = 0;
      for (size_t j = 0; j < n; j++) x[j] = b[(half + j) * ldb + p];
      *(floats_in_memory *)(panel + p * PANEL + half) = x;
    }
  }
}

/// What the tile of one band touches of the block of B that starts at row p and column j of op(B).
INLINE upcoming part_of_block(bool transpose_b, const float *b, size_t ldb, size_t p, size_t j, size_t band) {
  if (transpose_b) {  // DEPTH / LINE lines in each of LINE rows
    return (upcoming){b + (j + band * LINE) * ldb + p, ldb, 4, DEPTH / LINE - 1};
  }
  return (upcoming){b + p * ldb + j + band * LINE, ldb, 0, 0};  // one line in each of DEPTH rows
}

/// A block of A, `rows` by `depth` of op(A).
typedef struct {
  const float *start;
  size_t stride;
} block;

/// Copies a block of A whose rows would fight for the same few places of the first-level cache.
INLINE block copy_block(bool transpose_a, block from, size_t rows, size_t depth, float *to) {
  const size_t lines = transpose_a ? depth : rows, length = transpose_a ? rows : depth;
  const size_t stride = (transpose_a ? BAND_ROWS : DEPTH) + LINE;
  for (size_t i = 0; i < lines; i++) {
    FOR_VECTORS(q, n, length) store(to + i * stride + q, load(from.start + i * from.stride + q, n), n);
  }
  return (block){to, stride};
}

static void product(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  _Alignas(64) float panel[DEPTH * PANEL];
  _Alignas(64) float copy[(BAND_ROWS + LINE) * (DEPTH + LINE)];
  // Rows a multiple of 2 kB apart share a few sets of the cache. Of a transposed A a wide tile uses whole lines, once.
  const bool copies_a = lda % 512 == 0 && n > PANEL && (!transpose_a || TILE_ROWS < LINE / 2);
  const size_t band = copies_a && m > BAND_ROWS ? BAND_ROWS : m;
  for (size_t top = 0; top < m; top += band, c += band * ldc) {
    const size_t height = m - top < band ? m - top : band;
    const size_t tile_count = (height + TILE_ROWS - 1) / TILE_ROWS;
    size_t p = 0;
    do {  // once even when k is 0, for beta
      const size_t depth = k - p < DEPTH ? k - p : DEPTH;
      block left = {transpose_a ? a + p * lda + top : a + top * lda + p, lda};
      if (copies_a) left = copy_block(transpose_a, left, height, depth, copy);
      for (size_t j = 0; j < n; j += PANEL) {
        const size_t columns = n - j < PANEL ? n - j : PANEL;
        pack_panel(transpose_b, transpose_b ? b + j * ldb + p : b + p * ldb + j, ldb, depth, columns, panel);
        const size_t next_j = j + PANEL < n ? j + PANEL : 0, next_p = next_j > 0 ? p : p + depth;
        for (size_t i = 0; i < tile_count; i++) {
          const size_t first = height * i / tile_count, rows = height * (i + 1) / tile_count - first;
          upcoming next = {0};
          if (i * LINE < PANEL && next_p < k) next = part_of_block(transpose_b, b, ldb, next_p, next_j, i);
          tiles[transpose_a][rows](depth, left.start + (transpose_a ? first : first * left.stride), left.stride,
                                   panel, next, p == 0 ? beta : 1, c + first * ldc + j, ldc, columns);
        }
      }
      p += depth;
    } while (p < k);
  }
}
