#include <stdbool.h>
#include <stdint.h>

// Everything that takes vectors here is inlined: no vector is passed.
#pragma clang diagnostic ignored "-Wpsabi"

// What a run is compared and found by.

typedef uint8_t bytes64 __attribute__((vector_size(64)));
typedef uint8_t bytes32 __attribute__((vector_size(32)));
typedef uint8_t bytes32_anywhere __attribute__((vector_size(32), aligned(1)));
typedef bool bits32 __attribute__((ext_vector_type(32)));
typedef uint64_t words4 __attribute__((vector_size(32)));

/// Bytes as keys have them: folded, and with 0xFF, which UTF-8 lacks, for 0, which ends a key.
static inline bytes64 folded(bytes64 bytes, uint8_t fold) {
  bytes64 upper = (bytes64)((bytes64)(bytes - 'A') < 26);
  return bytes | (upper & fold) | (bytes64)(bytes == 0);
}

/// The first `count` bytes, 1 to 32, of those at `start`, then zeros.
static inline bytes32 key(const uint8_t *start, size_t count) {
  static const uint8_t ones[64] = {
      255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
      255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  return *(const bytes32_anywhere *)start & *(const bytes32_anywhere *)(ones + 32 - count);
}

/// The high bits are the good ones: every bit of the key is in them.
static inline uint64_t hash(bytes32 key) {
  words4 words = (words4)key;
  uint64_t low = words[0] ^ words[2], high = words[1] ^ words[3];
  return low * UINT64_C(0x9E3779B97F4A7C15) + high * UINT64_C(0xD6E8FEB86659FD93);
}

static inline bool differ(bytes32 a, bytes32 b) {
  return __builtin_bit_cast(uint32_t, __builtin_convertvector(a != b, bits32)) != 0;
}
