// Y = act(X·Wᵀ + bias) with weights that were copied into panels once, so that no call packs them.
//
// A panel holds PANEL outputs (rows of W): k by k, PANEL floats or halves side by side. An element is summed as
// `product` sums it, in the order of k within blocks of DEPTH, so it has the bits of `product`, wherever it lies.

/// Floats of a panel that a tile works on at a time.
#define CHUNK (DEPTH * PANEL)

/// Copies the weights of at most PANEL outputs, `n` rows of W, to a panel; missing outputs become 0.
static void pack_floats(const float *w, size_t ldw, size_t n, size_t k, float *panel) {
  pack_panel(true, w, ldw, k, n, panel);
}

/// As `pack_floats`, each weight rounded to the nearest half; false when a finite one has become infinite.
static bool pack_halves(const float *w, size_t ldw, size_t n, size_t k, uint16_t *panel) {
  _Alignas(64) float chunk[CHUNK];
  ints outside = 0;
  for (size_t p = 0; p < k; p += DEPTH) {
    const size_t depth = k - p < DEPTH ? k - p : DEPTH;
    pack_panel(true, w + p, ldw, depth, n, chunk);
    half_from_float(chunk, panel + p * PANEL, depth * PANEL);
    for (size_t i = 0; i < depth * PANEL; i += LANES) {
      const floats size = absolute(*(const floats_in_memory *)(chunk + i));
      outside |= (size >= 65520.0f) & (size < INFINITY);
    }
  }
  for (size_t i = 0; i < LANES; i++) {
    if (outside[i] != 0) return false;
  }
  return true;
}

/// Whether this set has an instruction that makes floats of halves.
#define HAS_HALVES (LANES >= 8)

/// Floats, or halves where `is_half`, which is a constant of the call.
INLINE floats load_weights(const bool is_half, const void *panel, size_t index) {
#if LANES == 16
  if (is_half) {
    return (floats)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)((const uint16_t *)panel + index)));
  }
#elif LANES == 8
  if (is_half) {
    return (floats)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((const uint16_t *)panel + index)));
  }
#endif
  return *(const floats_in_memory *)((const float *)panel + index);
}

/// Halves of a piece of a panel as floats.
INLINE void widen(const uint16_t *from, float *to, size_t count) {
#if HAS_HALVES
  for (size_t i = 0; i < count; i += LANES) *(floats_in_memory *)(to + i) = load_weights(true, from, i);
#else
  float_from_half(from, to, count);
#endif
}

/// Rows of X times a piece of a panel, set to or added to a tile of Y; `rows` and `is_half` are constants of the call. A step
/// asks for a line at each of `near` and `far`, the memory needed next, unless they are null.
INLINE void packed_tile(const size_t rows, const bool is_half, size_t depth, const float *x, size_t ldx,
                        const void *panel, const char *near, const char *far, bool adds, float *y, size_t ldy, size_t columns) {
  floats sum[TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) sum[i][0] = sum[i][1] = 0;
  for (size_t p = 0; p < depth; p++) {
    if (near != NULL) __builtin_prefetch(near + p * 64, 0, 2);
    if (far != NULL) __builtin_prefetch(far + p * 64, 0, 2);
    const floats left = load_weights(is_half, panel, p * PANEL);
    const floats right = load_weights(is_half, panel, p * PANEL + LANES);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const floats factor = splat(x[i * ldx + p]);
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
      float *const out = y + i * ldy + half * LANES;
      store(out, adds ? load(out, n[half]) + sum[i][half] : sum[i][half], n[half]);
    }
  }
}

typedef void packed_tile_function(size_t depth, const float *x, size_t ldx, const void *panel, const char *near,
                                  const char *far, bool adds, float *y, size_t ldy, size_t columns);

#define PACKED_TILE(rows)                                                                                      \
  static void packed_tile_##rows(size_t depth, const float *x, size_t ldx, const void *panel, const char *near, \
                                 const char *far, bool adds, float *y, size_t ldy, size_t columns) {           \
    packed_tile(rows, false, depth, x, ldx, panel, near, far, adds, y, ldy, columns);                          \
  }                                                                                                            \
  static void half_tile_##rows(size_t depth, const float *x, size_t ldx, const void *panel, const char *near,  \
                               const char *far, bool adds, float *y, size_t ldy, size_t columns) {             \
    packed_tile(rows, HAS_HALVES, depth, x, ldx, panel, near, far, adds, y, ldy, columns);                     \
  }
EACH_TILE(PACKED_TILE)

#define PACKED(rows) packed_tile_##rows,
#define HALF(rows) half_tile_##rows,
static packed_tile_function *const packed_tiles[2][TILE_ROWS + 1] = {{NULL, EACH_TILE(PACKED)}, {NULL, EACH_TILE(HALF)}};

INLINE void finish_rows_of(bool activates, activation_kind kind, const float *bias, float *y, size_t ldy, size_t rows,
                           size_t columns) {
  for (size_t r = 0; r < rows; r++, y += ldy) {
    FOR_VECTORS(c, n, columns) {
      floats value = load(y + c, n);
      if (bias != NULL) value += load(bias + c, n);
      store(y + c, activates ? activation_of(kind, value) : value, n);
    }
  }
}

/// y = act(y + bias) in a block that is still in the first-level cache.
static void finish_rows(const product_epilogue *epilogue, size_t column, float *y, size_t ldy, size_t rows,
                        size_t columns) {
  const float *bias = epilogue->bias == NULL ? NULL : epilogue->bias + column;
  if (!epilogue->activates) {
    if (bias != NULL) finish_rows_of(false, ACTIVATION_RELU, bias, y, ldy, rows, columns);
    return;
  }
  switch (epilogue->activation) {  // so that each loop knows its activation
    case ACTIVATION_GELU: finish_rows_of(true, ACTIVATION_GELU, bias, y, ldy, rows, columns); break;
    case ACTIVATION_GELU_TANH: finish_rows_of(true, ACTIVATION_GELU_TANH, bias, y, ldy, rows, columns); break;
    case ACTIVATION_RELU: finish_rows_of(true, ACTIVATION_RELU, bias, y, ldy, rows, columns); break;
  }
}

/// `panels` holds floats, or halves where `is_half`, which is a constant of the call.
INLINE void linear_of(const bool is_half, size_t m, size_t n, size_t k, const float *x, size_t ldx,
                      const void *panels, const product_epilogue *epilogue, float *y, size_t ldy) {
  _Alignas(64) float wide[CHUNK];
  _Alignas(64) float copy[(BAND_ROWS + LINE) * (DEPTH + LINE)];
  const size_t element = is_half ? sizeof(uint16_t) : sizeof(float);
  // As in `product`: rows a multiple of 2 kB apart share a few sets of the cache.
  const bool copies = ldx % 512 == 0 && m > 4;
  const size_t band = copies && m > BAND_ROWS ? BAND_ROWS : m;
  for (size_t top = 0; top < m; top += band) {
    const size_t height = m - top < band ? m - top : band;
    const size_t tile_count = (height + TILE_ROWS - 1) / TILE_ROWS;
    // A piece that few tiles read is converted as they read it, else once for all of them.
    const bool widens_in_tile = is_half && HAS_HALVES && tile_count <= 2;
    float *const out = y + top * ldy;
    size_t p = 0;
    do {  // once even when k is 0, for the zeros and the bias
      const size_t depth = k - p < DEPTH ? k - p : DEPTH;
      block left = {x + top * ldx + p, ldx};
      if (copies) left = copy_block(false, left, height, depth, copy);
      for (size_t j = 0; j < n; j += PANEL) {
        const size_t columns = n - j < PANEL ? n - j : PANEL;
        const char *const piece = (const char *)panels + (j * k + p * PANEL) * element;
        const size_t next_j = j + PANEL < n ? j + PANEL : 0, next_p = next_j > 0 ? p : p + depth;
        const char *next = next_p < k ? (const char *)panels + (next_j * k + next_p * PANEL) * element : NULL;
        const void *panel = piece;
        if (is_half && !widens_in_tile) {
          widen((const uint16_t *)piece, wide, depth * PANEL);
          panel = wide;
        }
        for (size_t i = 0; i < tile_count; i++) {
          const size_t first = height * i / tile_count, rows = height * (i + 1) / tile_count - first;
          const bool is_last = i + 1 == tile_count;
          // A line a step and tile, two where there is but one tile, until the next piece has been asked for.
          const size_t lines = PANEL * element / 64;
          const char *near = next != NULL && i < lines ? next + i * depth * 64 : NULL;
          const char *far = near != NULL && is_last && i + 1 < lines ? near + depth * 64 : NULL;
          packed_tiles[widens_in_tile][rows](depth, left.start + first * left.stride, left.stride, panel, near, far, p > 0,
                             out + first * ldy + j, ldy, columns);
          if (p + depth >= k) finish_rows(epilogue, j, out + first * ldy + j, ldy, rows, columns);
        }
      }
      p += depth;
    } while (p < k);
  }
}

static void linear_floats(size_t m, size_t n, size_t k, const float *x, size_t ldx, const float *panels,
                          const product_epilogue *epilogue, float *y, size_t ldy) {
  linear_of(false, m, n, k, x, ldx, panels, epilogue, y, ldy);
}

static void linear_halves(size_t m, size_t n, size_t k, const float *x, size_t ldx, const uint16_t *panels,
                          const product_epilogue *epilogue, float *y, size_t ldy) {
  linear_of(true, m, n, k, x, ldx, panels, epilogue, y, ldy);
}
