// Vectors of LANES floats, and how to load and store the last few elements of a row.
//
// The kernels are written with explicit lanes and explicit fused operations, so that a set gives the same bits in
// debug and release builds, and an element the same bits wherever it lies in a vector.
#pragma STDC FP_CONTRACT OFF

typedef float floats __attribute__((ext_vector_type(LANES)));
typedef int32_t ints __attribute__((ext_vector_type(LANES)));
typedef double doubles __attribute__((ext_vector_type(LANES / 2)));  // as wide as `floats`
typedef floats floats_in_memory __attribute__((aligned(4), may_alias));
typedef uint8_t bytes __attribute__((ext_vector_type(LANES), aligned(1), may_alias));
typedef uint16_t shorts __attribute__((ext_vector_type(LANES), aligned(2), may_alias));

#define INLINE static inline __attribute__((always_inline, unused))

/// Walks over `count` elements: `i` is the first and `n` the number of those that one vector takes.
#define FOR_VECTORS(i, n, count) \
  for (size_t i = 0, n; i < (count) && (n = (count) - i < LANES ? (count) - i : LANES); i += n)

INLINE floats splat(float x) { return (floats)x; }
INLINE ints bits_of(floats x) { return __builtin_bit_cast(ints, x); }
INLINE floats from_bits(ints x) { return __builtin_bit_cast(floats, x); }

/// a·b + c, rounded once where the instruction set has the instruction.
INLINE floats multiply_add(floats a, floats b, floats c) {
#if FUSED
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

INLINE floats absolute(floats x) { return from_bits(bits_of(x) & 0x7fffffff); }
INLINE floats with_sign_of(floats magnitude, floats x) {
  return from_bits(bits_of(magnitude) | (bits_of(x) & (int32_t)0x80000000));
}

/// The first `n` elements at `p`, then zeros.
INLINE floats load(const float *p, size_t n) {
  if (n >= LANES) return *(const floats_in_memory *)p;
#if LANES == 16
  return (floats)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif LANES == 8
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (floats)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), index));
#else
  floats x = 0;
  for (size_t i = 0; i < n; i++) x[i] = p[i];
  return x;
#endif
}

INLINE void store(float *p, floats x, size_t n) {
  if (n >= LANES) {
    *(floats_in_memory *)p = x;
    return;
  }
#if LANES == 16
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
#elif LANES == 8
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  _mm256_maskstore_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), index), (__m256)x);
#else
  for (size_t i = 0; i < n; i++) p[i] = x[i];
#endif
}

/// All ones in the first `n` lanes.
INLINE ints first_lanes(size_t n) {
#if LANES == 16
  const ints lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif LANES == 8
  const ints lane = {0, 1, 2, 3, 4, 5, 6, 7};
#else
  const ints lane = {0, 1, 2, 3};
#endif
  return lane < (int32_t)n;
}

/// All ones in those of the first `n` lanes whose byte is not zero. A null `p` marks them all.
INLINE ints load_mask(const uint8_t *p, size_t n) {
  if (p == NULL) return first_lanes(n);
  bytes x = 0;
  if (n >= LANES) {
    x = *(const bytes *)p;
  } else {
    for (size_t i = 0; i < n; i++) x[i] = p[i];
  }
  return __builtin_convertvector(x, ints) != 0;
}

/// The sum of all lanes, in a tree.
INLINE float sum_of(floats x) {
#if LANES == 16
  __auto_type eight = x.lo + x.hi;
  __auto_type four = eight.lo + eight.hi;
#elif LANES == 8
  __auto_type four = x.lo + x.hi;
#else
  __auto_type four = x;
#endif
  __auto_type two = four.lo + four.hi;
  return two.x + two.y;
}

/// The larger of each lane; NaN when either is.
INLINE floats larger(floats a, floats b) { return a > b ? a : (a != a ? a : b); }

/// The largest lane; NaN when a lane is NaN.
INLINE float largest_of(floats x) {
#if LANES == 16
  __auto_type eight = x.lo > x.hi ? x.lo : (x.lo != x.lo ? x.lo : x.hi);
  __auto_type four = eight.lo > eight.hi ? eight.lo : (eight.lo != eight.lo ? eight.lo : eight.hi);
#elif LANES == 8
  __auto_type four = x.lo > x.hi ? x.lo : (x.lo != x.lo ? x.lo : x.hi);
#else
  __auto_type four = x;
#endif
  __auto_type two = four.lo > four.hi ? four.lo : (four.lo != four.lo ? four.lo : four.hi);
  return two.x > two.y || two.x != two.x ? two.x : two.y;
}
