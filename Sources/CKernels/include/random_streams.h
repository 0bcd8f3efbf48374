#pragma once
#include <stddef.h>
#include <stdint.h>

/// Words in the state of the Mersenne Twister MT19937.
enum { MT19937_WORDS = 624 };

/// One implementation of the random stream kernels, for one instruction set.
///
/// All sets give the same bits: the integer kernels are exact, and the floating-point one spells out every
/// fused multiply-add and forbids any other contraction.
typedef struct {
  const char *name;
  /// Writes the next `count` tempered outputs to `out`. `words` is the state and `*next` the index of its
  /// next word: 0 or MT19937_WORDS when the state must be advanced before it is read.
  void (*mt19937_draw)(uint32_t *words, uint32_t *next, uint32_t *out, size_t count);
  /// mask[i] = 1 if v < threshold, else 0, where v is the low 53 bits of (first draw << 32 | second draw).
  /// Takes 2 · count draws.
  void (*mt19937_mask)(uint32_t *words, uint32_t *next, uint8_t *mask, size_t count, uint64_t threshold);
  /// mask[i] = 1 if x[i] < threshold, else 0, where x[0] = first and x[i+1] = 1132489760 · x[i] mod 2^31-1.
  /// `first` must lie in 1 ..< 2^31-1.
  void (*mcg31_mask)(uint32_t first, uint8_t *mask, size_t count, uint32_t threshold);
  /// Turns blocks of sixteen uniforms in [0, 1) into sixteen normal values each, in place.
  void (*normal_blocks)(float *values, size_t block_count, float mean, float standard_deviation);
} random_kernel_set;

/// The sets this processor can run, slowest first; `*count` receives how many.
const random_kernel_set *random_kernel_sets(size_t *count);
