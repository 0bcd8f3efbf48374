// Both checksums are remainders of polynomials over GF(2), with the bits of each byte, and of the remainder, in reverse
// order: the lowest bit of the first byte is the highest coefficient.
//
// In plain C a table lookup takes each of 16 bytes a step ("slicing", M. Kounavis and F. Berry, "A Systematic Approach
// to Building High Performance, Software-based, CRC Generators", Intel 2005). With carry-less multiplication, 128 or
// 256 bytes a step are folded onto those that follow them (V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction", Intel 2009); the last 16 bytes that remain then go through the tables.

#include "checksums.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

enum { slices = 16, lanes = 16 };

struct polynomial {
  uint32_t reflected;
  /// `table[k][b]`: the remainder of byte b with k zero bytes behind it.
  uint32_t table[slices][256];
  /// What folds 16 bytes onto those 16 (k + 1) bytes on: x^(128 (k + 1) + 32) for the first eight of them, and
  /// x^(128 (k + 1) - 32) for the others, each reduced, reversed and shifted left by one.
  uint64_t fold[lanes][2];
};

static struct polynomial crc32 = {.reflected = UINT32_C(0xEDB88320)};
static struct polynomial crc32c = {.reflected = UINT32_C(0x82F63B78)};
#if defined(__x86_64__)
static int multiplies_carryless, multiplies_carryless_in_pairs;
#endif

static uint32_t times_x(uint32_t remainder, uint32_t reflected) {
  return remainder >> 1 ^ (reflected & -(remainder & 1));
}

/// x^exponent, reduced; `x^0` is the top bit, because the order is reversed.
static uint64_t power(int exponent, uint32_t reflected) {
  uint32_t remainder = UINT32_C(1) << 31;
  for (int step = 0; step < exponent; step++) remainder = times_x(remainder, reflected);
  return (uint64_t)remainder << 1;
}

static void build(struct polynomial *p) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; bit++) remainder = times_x(remainder, p->reflected);
    p->table[0][byte] = remainder;
  }
  for (int slice = 1; slice < slices; slice++)
    for (int byte = 0; byte < 256; byte++) {
      uint32_t before = p->table[slice - 1][byte];
      p->table[slice][byte] = before >> 8 ^ p->table[0][before & 0xFF];
    }
  for (int lane = 0; lane < lanes; lane++) {
    p->fold[lane][0] = power(128 * (lane + 1) + 32, p->reflected);
    p->fold[lane][1] = power(128 * (lane + 1) - 32, p->reflected);
  }
}

// Before anything else runs, so that no call has to ask whether it is the first; takes some ten microseconds.
__attribute__((constructor)) static void prepare(void) {
  build(&crc32);
  build(&crc32c);
#if defined(__x86_64__)
  __builtin_cpu_init();
  multiplies_carryless = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  multiplies_carryless_in_pairs =
      multiplies_carryless && __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2");
#endif
}

/// Takes `bytes` into a remainder; no inversion before or after.
static uint32_t slice(const struct polynomial *p, uint32_t remainder, const uint8_t *bytes, size_t count) {
  for (; count >= slices; bytes += slices, count -= slices) {
    uint32_t next = 0;
    for (int i = 0; i < 4; i++) next ^= p->table[15 - i][bytes[i] ^ (remainder >> 8 * i & 0xFF)];
    for (int i = 4; i < slices; i++) next ^= p->table[15 - i][bytes[i]];
    remainder = next;
  }
  for (; count > 0; bytes++, count--) remainder = remainder >> 8 ^ p->table[0][(remainder ^ *bytes) & 0xFF];
  return remainder;
}

#if defined(__x86_64__)
#define CARRYLESS __attribute__((target("pclmul,sse4.1")))
#define CARRYLESS_IN_PAIRS __attribute__((target("vpclmulqdq,avx2,pclmul,sse4.1")))

CARRYLESS static inline __m128i folded(__m128i bytes, __m128i constants, __m128i onto) {
  __m128i low = _mm_clmulepi64_si128(bytes, constants, 0x00), high = _mm_clmulepi64_si128(bytes, constants, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

CARRYLESS_IN_PAIRS static inline __m256i folded_pair(__m256i bytes, __m256i constants, __m256i onto) {
  __m256i low = _mm256_clmulepi64_epi128(bytes, constants, 0x00);
  __m256i high = _mm256_clmulepi64_epi128(bytes, constants, 0x11);
  return _mm256_xor_si256(_mm256_xor_si256(low, high), onto);
}

/// The remainder of lanes of 16 bytes, followed by `bytes`.
CARRYLESS static uint32_t finish(
    const struct polynomial *p, const __m128i *lane, int lane_count, const uint8_t *bytes, size_t count) {
  const __m128i *constants = (const __m128i *)p->fold, *from = (const __m128i *)bytes;
  __m128i last = lane[lane_count - 1];
  for (int i = 0; i < lane_count - 1; i++)
    last = folded(lane[i], _mm_loadu_si128(constants + lane_count - 2 - i), last);
  __m128i near = _mm_loadu_si128(constants);
  for (; count >= 16; from++, count -= 16) last = folded(last, near, _mm_loadu_si128(from));

  uint8_t rest[16];
  memcpy(rest, &last, 16);
  return slice(p, slice(p, 0, rest, 16), (const uint8_t *)from, count);
}

/// As `slice`, for at least 128 bytes.
CARRYLESS static uint32_t fold(const struct polynomial *p, uint32_t remainder, const uint8_t *bytes, size_t count) {
  enum { step = 8 };
  const __m128i *from = (const __m128i *)bytes;
  __m128i lane[step], far = _mm_loadu_si128((const __m128i *)p->fold + step - 1);
  for (int i = 0; i < step; i++) lane[i] = _mm_loadu_si128(from + i);
  lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi32_si128((int)remainder));
  from += step, count -= 16 * step;
  for (; count >= 16 * step; from += step, count -= 16 * step)
    for (int i = 0; i < step; i++) lane[i] = folded(lane[i], far, _mm_loadu_si128(from + i));
  return finish(p, lane, step, (const uint8_t *)from, count);
}

/// As `slice`, for at least 256 bytes.
CARRYLESS_IN_PAIRS static uint32_t fold_pairs(
    const struct polynomial *p, uint32_t remainder, const uint8_t *bytes, size_t count) {
  enum { step = 8 };
  const __m256i *from = (const __m256i *)bytes;
  __m256i pair[step], far = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p->fold + 2 * step - 1));
  for (int i = 0; i < step; i++) pair[i] = _mm256_loadu_si256(from + i);
  pair[0] = _mm256_xor_si256(pair[0], _mm256_zextsi128_si256(_mm_cvtsi32_si128((int)remainder)));
  from += step, count -= 32 * step;
  for (; count >= 32 * step; from += step, count -= 32 * step)
    for (int i = 0; i < step; i++) pair[i] = folded_pair(pair[i], far, _mm256_loadu_si256(from + i));
  __m128i lane[2 * step];
  memcpy(lane, pair, sizeof lane);
  return finish(p, lane, 2 * step, (const uint8_t *)from, count);
}
#endif

#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
uint32_t checksum_crc32(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *from = bytes;
  crc = ~crc;
  for (uint64_t word; count >= 8; from += 8, count -= 8) {
    memcpy(&word, from, 8);
    crc = __crc32d(crc, word);
  }
  for (; count > 0; from++, count--) crc = __crc32b(crc, *from);
  return ~crc;
}

uint32_t checksum_crc32c(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *from = bytes;
  crc = ~crc;
  for (uint64_t word; count >= 8; from += 8, count -= 8) {
    memcpy(&word, from, 8);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; from++, count--) crc = __crc32cb(crc, *from);
  return ~crc;
}
#else
static uint32_t fastest(const struct polynomial *p, uint32_t remainder, const uint8_t *bytes, size_t count) {
#if defined(__x86_64__)
  if (count >= 512 && multiplies_carryless_in_pairs) return fold_pairs(p, remainder, bytes, count);
  if (count >= 128 && multiplies_carryless) return fold(p, remainder, bytes, count);
#endif
  return slice(p, remainder, bytes, count);
}

uint32_t checksum_crc32(uint32_t crc, const void *bytes, size_t count) {
  return ~fastest(&crc32, ~crc, bytes, count);
}

uint32_t checksum_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return ~fastest(&crc32c, ~crc, bytes, count);
}
#endif

uint32_t checksum_crc32_portable(uint32_t crc, const void *bytes, size_t count) {
  return ~slice(&crc32, ~crc, bytes, count);
}

uint32_t checksum_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
  return ~slice(&crc32c, ~crc, bytes, count);
}
