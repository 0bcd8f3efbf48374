// Included once per instruction set with KERNEL(name) and TARGET defined. The inner loops have no branches
// and, where they carry state, many independent lanes: the compiler vectorises them to the width TARGET allows.
#include <string.h>

TARGET static inline uint32_t KERNEL(twisted)(uint32_t high, uint32_t low, uint32_t far) {
  uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);
  return far ^ (y >> 1) ^ ((0u - (y & 1u)) & 0x9908b0dfu);
}

// Matsumoto and Nishimura's recurrence. A word depends on the one 227 places back, far beyond any vector.
TARGET static void KERNEL(twist)(uint32_t *s) {
  for (int i = 0; i < 227; i++) s[i] = KERNEL(twisted)(s[i], s[i + 1], s[i + 397]);
  for (int i = 227; i < 623; i++) s[i] = KERNEL(twisted)(s[i], s[i + 1], s[i - 227]);
  s[623] = KERNEL(twisted)(s[623], s[0], s[396]);
}

TARGET static void KERNEL(mt19937_draw)(uint32_t *words, uint32_t *next, uint32_t *out, size_t count) {
  uint32_t at = *next;
  while (count > 0) {
    if (at == 0 || at == MT19937_WORDS) {
      KERNEL(twist)(words);
      at = 0;
    }
    size_t run = MT19937_WORDS - at;
    if (run > count) run = count;
    const uint32_t *restrict source = words + at;
    uint32_t *restrict target = out;
    for (size_t i = 0; i < run; i++) {
      uint32_t y = source[i];
      y ^= y >> 11;
      y ^= (y << 7) & 0x9d2c5680u;
      y ^= (y << 15) & 0xefc60000u;
      target[i] = y ^ (y >> 18);
    }
    at += (uint32_t)run;
    out += run;
    count -= run;
  }
  *next = at;
}

TARGET static void KERNEL(mt19937_mask)(
    uint32_t *words, uint32_t *next, uint8_t *mask, size_t count, uint64_t threshold) {
  uint32_t draws[2 * MT19937_WORDS];  // stays in the first-level cache
  while (count > 0) {
    size_t run = count < MT19937_WORDS ? count : MT19937_WORDS;
    KERNEL(mt19937_draw)(words, next, draws, 2 * run);
    uint8_t *restrict target = mask;
    for (size_t i = 0; i < run; i++) {
      uint64_t v = (uint64_t)(draws[2 * i] & 0x1fffffu) << 32 | draws[2 * i + 1];
      target[i] = v < threshold;
    }
    mask += run;
    count -= run;
  }
}

// 31-bit product modulo the Mersenne number 2^31-1: fold the high half onto the low one, subtract at most once.
TARGET static inline uint32_t KERNEL(mcg31_product)(uint32_t a, uint32_t b) {
  const uint32_t m = 0x7fffffffu;
  uint64_t p = (uint64_t)a * b;
  uint32_t r = ((uint32_t)p & m) + (uint32_t)(p >> 31);
  return r < r - m ? r : r - m;
}

#define LANES 32

TARGET static void KERNEL(mcg31_mask)(uint32_t first, uint8_t *mask, size_t count, uint32_t threshold) {
  uint32_t x[LANES], leap = 1;  // leap = multiplier ^ LANES
  x[0] = first;
  for (int l = 1; l < LANES; l++) x[l] = KERNEL(mcg31_product)(x[l - 1], 1132489760u);
  for (int l = 0; l < LANES; l++) leap = KERNEL(mcg31_product)(leap, 1132489760u);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    for (int l = 0; l < LANES; l++) mask[i + l] = x[l] < threshold;
    for (int l = 0; l < LANES; l++) x[l] = KERNEL(mcg31_product)(x[l], leap);
  }
  for (int l = 0; i < count; i++, l++) mask[i] = x[l] < threshold;
}

#undef LANES

// log, sin and cos are Cephes' single-precision polynomials, fused exactly where torch's AVX2 build fuses them
// (aten/src/ATen/native/cpu/avx_mathfun.h as GCC compiles it).
#define FMA(a, b, c) __builtin_fmaf(a, b, c)

TARGET static inline float KERNEL(cephes_log)(float x) {  // x in (0, 1]
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  float e = (float)((bits >> 23) - 127) + 1.0f;
  bits = (bits & 0x007fffff) | 0x3f000000;
  memcpy(&x, &bits, sizeof x);  // the mantissa, in [1/2, 1)
  int below = x < 0.707106781186547524f;
  float add = below ? x : 0.0f;
  x = x - 1.0f;
  e = e - (below ? 1.0f : 0.0f);
  x = x + add;
  float z = x * x, y = 7.0376836292e-2f;
  y = FMA(y, x, -1.1514610310e-1f);
  y = FMA(y, x, 1.1676998740e-1f);
  y = FMA(y, x, -1.2420140846e-1f);
  y = FMA(y, x, 1.4249322787e-1f);
  y = FMA(y, x, -1.6668057665e-1f);
  y = FMA(y, x, 2.0000714765e-1f);
  y = FMA(y, x, -2.4999993993e-1f);
  y = FMA(y, x, 3.3333331174e-1f);
  y = x * y;
  y = FMA(y, z, e * -2.12194440e-4f);
  y = FMA(-z, 0.5f, y);
  x = x + y;
  return FMA(e, 0.693359375f, x);
}

TARGET static inline void KERNEL(cephes_sincos)(float x, float *sine, float *cosine) {  // x in [0, 2π)
  int32_t j = ((int32_t)(x * 1.27323954473516f) + 1) & ~1;
  float y = (float)j;
  x = FMA(y, -0.78515625f, x);
  x = FMA(y, -2.4187564849853515625e-4f, x);
  x = FMA(y, -3.77489497744594108e-8f, x);
  float z = x * x;
  float c = FMA(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = FMA(c, z, 4.166664568298827e-2f);
  c = z * c;
  c = FMA(z, c, -(z * 0.5f));
  c = c + 1.0f;
  float s = FMA(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = FMA(s, z, -1.6666654611e-1f);
  s = z * s;
  s = FMA(x, s, x);
  int straight = (j & 2) == 0;
  float sn = straight ? s : c, cs = straight ? c : s;
  *sine = (j & 4) != 0 ? -sn : sn;
  *cosine = ((j - 2) & 4) == 0 ? -cs : cs;
}

// Box-Muller on eight pairs at a time: values[0..7] give the radii, values[8..15] the angles.
TARGET static void KERNEL(normal_blocks)(float *values, size_t block_count, float mean, float standard_deviation) {
  for (size_t b = 0; b < block_count; b++, values += 16) {
    for (int i = 0; i < 8; i++) {
      float radius = __builtin_sqrtf(-2.0f * KERNEL(cephes_log)(1.0f - values[i]));
      float sine, cosine;
      KERNEL(cephes_sincos)(6.283185307179586f * values[i + 8], &sine, &cosine);
      values[i] = FMA(radius * cosine, standard_deviation, mean);
      values[i + 8] = FMA(radius * sine, standard_deviation, mean);
    }
  }
}

#undef FMA
