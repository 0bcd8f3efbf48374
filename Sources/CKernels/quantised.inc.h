// Y = act(X·Wᵀ + bias) in bytes: s8 weights with one scale an output, u8 activations with a scale and a zero point
// a row. The sums are exact in 32 bits, so every instruction set forms the same ones, however Y is cut.
//
// A panel holds PANEL outputs: four k at a time, 4 bytes an output side by side, as `vpdpbusd` wants them. Before
// the panel lie its PANEL scales and PANEL sums of weights, which take the zero point back out.
#if LANES == 16 && defined(HAS_VNNI)
#define HAS_DOT_OF_BYTES 1
#else
#define HAS_DOT_OF_BYTES 0
#endif

/// One lane, four k: sums[l] += Σ x[i]·w[4·l + i].
INLINE ints add_products(ints sums, uint32_t x, const int8_t *w) {
#if HAS_DOT_OF_BYTES
  return (ints)_mm512_dpbusd_epi32((__m512i)sums, _mm512_set1_epi32((int)x), _mm512_loadu_si512(w));
#elif LANES == 16
  // Pairs of 16 bits, the even and the odd bytes apart: no sum of two products saturates.
  const __m512i weights = _mm512_loadu_si512(w), values = _mm512_set1_epi32((int)x);
  const __m512i even = _mm512_madd_epi16(_mm512_srai_epi16(_mm512_slli_epi16(weights, 8), 8),
                                         _mm512_and_si512(values, _mm512_set1_epi16(0xff)));
  const __m512i odd = _mm512_madd_epi16(_mm512_srai_epi16(weights, 8), _mm512_srli_epi16(values, 8));
  return sums + (ints)even + (ints)odd;
#elif LANES == 8
  const __m256i weights = _mm256_loadu_si256((const __m256i *)w), values = _mm256_set1_epi32((int)x);
  const __m256i even = _mm256_madd_epi16(_mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8),
                                         _mm256_and_si256(values, _mm256_set1_epi16(0xff)));
  const __m256i odd = _mm256_madd_epi16(_mm256_srai_epi16(weights, 8), _mm256_srli_epi16(values, 8));
  return sums + (ints)even + (ints)odd;
#else
  typedef ints ints_in_memory __attribute__((aligned(1), may_alias));
  const ints weights = *(const ints_in_memory *)w;
  sums += (weights << 24 >> 24) * (int32_t)(x & 0xff);
  sums += (weights << 16 >> 24) * (int32_t)(x >> 8 & 0xff);
  sums += (weights << 8 >> 24) * (int32_t)(x >> 16 & 0xff);
  return sums + (weights >> 24) * (int32_t)(x >> 24);
#endif
}

#define QUADS(k) (((k) + 3) / 4)
#define BYTE_PANEL_HEADER (PANEL * (sizeof(float) + sizeof(int32_t)))

static size_t byte_panel_size(size_t k) { return (BYTE_PANEL_HEADER + QUADS(k) * 4 * PANEL + 63) / 64 * 64; }

/// Rounds the weights of at most PANEL outputs, `n` rows of W, to multiples of their largest magnitude / 127.
static void pack_bytes(const float *w, size_t ldw, size_t n, size_t k, void *panel) {
  memset(panel, 0, byte_panel_size(k));
  float *const scales = panel;
  int32_t *const sums = (int32_t *)(scales + PANEL);
  int8_t *const bytes = (int8_t *)(sums + PANEL);
  for (size_t j = 0; j < n; j++) {
    floats largest = splat(0.0f);
    FOR_VECTORS(p, filled, k) largest = larger(absolute(load(w + j * ldw + p, filled)), largest);
    const float scale = largest_of(largest) / 127;
    scales[j] = scale;
    for (size_t p = 0; p < k && scale > 0; p++) {
      // To nearest, ties to even. The quotient lies within ±127 and a bit of rounding; anything else is not finite.
      const float quotient = w[j * ldw + p] / scale;
      const int32_t value = quotient > -127.5f && quotient < 127.5f ? (int32_t)((quotient + 0x1.8p23f) - 0x1.8p23f) : 0;
      bytes[(p / 4 * PANEL + j) * 4 + p % 4] = (int8_t)value;
      sums[j] += value;
    }
  }
}

/// Rounds rows of X to u8: x ≈ scale·(q - zero), 0 exactly. `ldq` bytes lie between rows of q, a multiple of 4; the
/// bytes after the last column up to a multiple of 4 become 0.
static void quantise_rows(const float *x, size_t ldx, size_t rows, size_t k, uint8_t *q, size_t ldq, float *scales,
                          int32_t *zeros) {
  for (size_t r = 0; r < rows; r++, x += ldx, q += ldq) {
    floats low = splat(0.0f), high = splat(0.0f);
    FOR_VECTORS(p, n, k) {  // lanes past the end are 0, which belongs to the range
      const floats value = load(x + p, n);
      high = larger(value, high);
      low = larger(-value, low);
    }
    const float bottom = largest_of(low), top = largest_of(high);  // bottom has its sign turned
    const float scale = (top + bottom) / 255, inverse = scale > 0 ? 1 / scale : 0;
    // Adding 1.5·2^23 rounds to an integer, which then stands in the low bits.
    const floats rounder = splat(0x1.8p23f);
    const float zero = (bottom * inverse + 0x1.8p23f) - 0x1.8p23f;
    const floats shift = splat(zero < 0.0f ? 0.0f : zero > 255.0f ? 255.0f : zero);
    scales[r] = scale;
    zeros[r] = bits_of(shift + rounder)[0] - bits_of(rounder)[0];
    FOR_VECTORS(p, n, k) {
      floats value = load(x + p, n) * inverse;
      value = (value + rounder) - rounder + shift;
      value = value > 0.0f ? value : splat(0.0f);
      value = value < 255.0f ? value : splat(255.0f);
      const bytes narrow = __builtin_convertvector(__builtin_convertvector(value, ints), bytes);
      if (n >= LANES) {
        *(bytes *)(q + p) = narrow;
      } else {
        for (size_t i = 0; i < n; i++) q[p + i] = narrow[i];
      }
    }
    for (size_t p = k; p < 4 * QUADS(k); p++) q[p] = 0;
  }
}

/// What turns the sums of a tile to floats.
typedef struct {
  const float *scales;  // of the rows
  const int32_t *zeros;
} row_scales;

/// Rows of q times a panel, to a tile of Y; `rows` is a constant of the call. Each of the first `lines` steps asks
/// for a line at `next`.
INLINE void byte_tile(const size_t rows, size_t quads, const uint8_t *q, size_t ldq, row_scales x, const void *panel,
                      const char *next, size_t lines, float *y, size_t ldy, size_t columns) {
  const float *const scales = panel;
  const int32_t *const weight_sums = (const int32_t *)(scales + PANEL);
  const int8_t *const w = (const int8_t *)(weight_sums + PANEL);
  ints sum[TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) sum[i][0] = sum[i][1] = 0;
  for (size_t p = 0; p < quads; p++) {
    if (p < lines) __builtin_prefetch(next + p * 64, 0, 2);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      uint32_t four;
      memcpy(&four, q + i * ldq + 4 * p, 4);
      sum[i][0] = add_products(sum[i][0], four, w + p * 4 * PANEL);
      sum[i][1] = add_products(sum[i][1], four, w + p * 4 * PANEL + 4 * LANES);
    }
  }
  const size_t n[2] = {columns < LANES ? columns : LANES, columns < LANES ? 0 : columns - LANES};
  typedef ints ints_in_memory __attribute__((aligned(4), may_alias));
#pragma clang loop unroll(full)
  for (size_t half = 0; half < 2; half++) {
    if (n[half] == 0) continue;
    const floats scale = *(const floats_in_memory *)(scales + half * LANES);
    const ints total = *(const ints_in_memory *)(weight_sums + half * LANES);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const floats exact = __builtin_convertvector(sum[i][half] - x.zeros[i] * total, floats);
      store(y + i * ldy + half * LANES, exact * (scale * splat(x.scales[i])), n[half]);
    }
  }
}

typedef void byte_tile_function(size_t quads, const uint8_t *q, size_t ldq, row_scales x, const void *panel,
                                const char *next, size_t lines, float *y, size_t ldy, size_t columns);

#define BYTE_TILE(rows)                                                                                         \
  static void byte_tile_##rows(size_t quads, const uint8_t *q, size_t ldq, row_scales x, const void *panel,     \
                               const char *next, size_t lines, float *y, size_t ldy, size_t columns) {          \
    byte_tile(rows, quads, q, ldq, x, panel, next, lines, y, ldy, columns);                                     \
  }
BYTE_TILE(1) BYTE_TILE(2) BYTE_TILE(3) BYTE_TILE(4) BYTE_TILE(5) BYTE_TILE(6)
#if TILE_ROWS > 6
BYTE_TILE(7) BYTE_TILE(8) BYTE_TILE(9) BYTE_TILE(10) BYTE_TILE(11) BYTE_TILE(12)
#endif
#if TILE_ROWS > 12
BYTE_TILE(13) BYTE_TILE(14)
#endif

static byte_tile_function *const byte_tiles[TILE_ROWS + 1] = {
  NULL, byte_tile_1, byte_tile_2, byte_tile_3, byte_tile_4, byte_tile_5, byte_tile_6,
#if TILE_ROWS > 6
  byte_tile_7, byte_tile_8, byte_tile_9, byte_tile_10, byte_tile_11, byte_tile_12,
#endif
#if TILE_ROWS > 12
  byte_tile_13, byte_tile_14,
#endif
};

static void linear_bytes(size_t m, size_t n, size_t k, const uint8_t *q, size_t ldq, const float *scales,
                         const int32_t *zeros, const void *panels, const product_epilogue *epilogue, float *y,
                         size_t ldy) {
  const size_t tile_count = (m + TILE_ROWS - 1) / TILE_ROWS, size = byte_panel_size(k), quads = QUADS(k);
  for (size_t j = 0; j < n; j += PANEL) {
    const size_t columns = n - j < PANEL ? n - j : PANEL;
    const char *const panel = (const char *)panels + j / PANEL * size;
    // The lines of the next panel, shared out among the tiles.
    const size_t lines = j + PANEL < n ? size / 64 : 0;
    for (size_t i = 0; i < tile_count; i++) {
      const size_t first = m * i / tile_count, rows = m * (i + 1) / tile_count - first;
      const size_t line = lines * i / tile_count, wanted = lines * (i + 1) / tile_count - line;
      byte_tiles[rows](quads, q + first * ldq, ldq, (row_scales){scales + first, zeros + first}, panel,
                       panel + size + line * 64, wanted, y + first * ldy + j, ldy, columns);
      finish_rows(epilogue, j, y + first * ldy + j, ldy, rows, columns);
    }
  }
}
