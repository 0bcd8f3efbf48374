// The optimiser's step in the epilogue of the product that makes its gradient: dW = dYᵀ·X never reaches memory.
//
// A tile of dW is summed in registers over all tokens and left in a small buffer; while the next tile is summed, the
// parameters of the last one move. So the waiting for memory, for roots and for quotients, hides behind multiplications,
// and the parameters of a tile are fetched a tile ahead.

#if LANES == 16
#define UPDATE_ROWS 12
#else
#define UPDATE_ROWS 4
#endif
#define UPDATE_VECTORS (2 * UPDATE_ROWS)

static void pack_columns(const gradient_factors *factors, size_t first, size_t last, float *panels) {
  for (size_t j = first; j < last; j += PANEL) {
    const size_t n = factors->columns - j < PANEL ? factors->columns - j : PANEL;
    const size_t left = n < LANES ? n : LANES, right = n - left;
    float *const panel = panels + j * factors->tokens;
    for (size_t t = 0; t < factors->tokens; t++) {
      const float *const row = factors->x + t * factors->x_stride + j;
      *(floats_in_memory *)(panel + t * PANEL) = load(row, left);
      *(floats_in_memory *)(panel + t * PANEL + LANES) = load(row + LANES, right);
    }
  }
}

/// A tile of the gradient whose step is still to be taken.
typedef struct {
  float gradient[UPDATE_VECTORS][LANES];
  size_t offset;   // of its first element in W
  size_t rows;     // 0 when there is none
  size_t columns;  // at most PANEL
} pending_tile;

/// Moves the parameters of vector `q` of a tile.
INLINE void move_vector(const pending_tile *tile, size_t q, size_t stride, float *p, float *m, float *v,
                        const adamw_step *step) {
  const size_t row = q / 2, half = q % 2 * LANES;
  if (row >= tile->rows || half >= tile->columns) return;
  const size_t n = tile->columns - half < LANES ? tile->columns - half : LANES;
  const size_t at = tile->offset + row * stride + half;
  const floats gradient = *(const floats_in_memory *)tile->gradient[q] * step->gradient_scale;
  adamw_lanes(p + at, m + at, v + at, gradient, step, n);
}

static void adamw_product(const gradient_factors *factors, size_t first, size_t last, float *p, float *m, float *v,
                          const adamw_step *step) {
  const size_t tokens = factors->tokens, columns = factors->columns, dy_stride = factors->dy_stride;
  const float *const dy = factors->dy;
  const adamw_step s = *step;
  _Alignas(64) float block[UPDATE_TOKENS * UPDATE_ROWS];  // dY of the rows at hand, token by token
  _Alignas(64) pending_tile tiles[2];
  pending_tile *last_tile = &tiles[0], *tile = &tiles[1];
  last_tile->rows = 0;
  const size_t share = tokens / UPDATE_VECTORS;
  for (size_t row = first; row < last; row += UPDATE_ROWS) {
    const size_t rows = last - row < UPDATE_ROWS ? last - row : UPDATE_ROWS;
    for (size_t t = 0; t < tokens; t++) {
      for (size_t i = 0; i < UPDATE_ROWS; i++) block[t * UPDATE_ROWS + i] = i < rows ? dy[t * dy_stride + row + i] : 0;
    }
    for (size_t j = 0; j < columns; j += PANEL) {
      tile->offset = row * columns + j;
      tile->rows = rows;
      tile->columns = columns - j < PANEL ? columns - j : PANEL;
      const float *panel = factors->panels + j * tokens, *left_factors = block;
      floats sum[UPDATE_ROWS][2];
#pragma clang loop unroll(full)
      for (size_t i = 0; i < UPDATE_ROWS; i++) sum[i][0] = sum[i][1] = 0;
      for (size_t q = 0; q < UPDATE_VECTORS; q++) {
        const size_t ahead = tile->offset + q / 2 % rows * columns + q % 2 * LANES;
        __builtin_prefetch(p + ahead, 1, 2);
        __builtin_prefetch(m + ahead, 1, 2);
        __builtin_prefetch(v + ahead, 1, 2);
        move_vector(last_tile, q, columns, p, m, v, &s);
        const size_t count = q + 1 < UPDATE_VECTORS ? share : tokens - share * (UPDATE_VECTORS - 1);
        for (size_t t = 0; t < count; t++, panel += PANEL, left_factors += UPDATE_ROWS) {
          const floats left = *(const floats_in_memory *)panel, right = *(const floats_in_memory *)(panel + LANES);
#pragma clang loop unroll(full)
          for (size_t i = 0; i < UPDATE_ROWS; i++) {
            const floats factor = splat(left_factors[i]);
            sum[i][0] = multiply_add(factor, left, sum[i][0]);
            sum[i][1] = multiply_add(factor, right, sum[i][1]);
          }
        }
      }
#pragma clang loop unroll(full)
      for (size_t i = 0; i < UPDATE_ROWS; i++) {
        *(floats_in_memory *)tile->gradient[2 * i] = sum[i][0];
        *(floats_in_memory *)tile->gradient[2 * i + 1] = sum[i][1];
      }
      pending_tile *const done = last_tile;
      last_tile = tile;
      tile = done;
    }
  }
  for (size_t q = 0; q < UPDATE_VECTORS; q++) move_vector(last_tile, q, columns, p, m, v, &s);
}
