// x86-64-v4: AVX-512 F, BW, CD, DQ and VL; Skylake-X (2017), Zen 4 (2022) and later.
#include "sets.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
  __attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
#define LANES 16
#define FUSED 1
#define TILE_ROWS 14
#define KERNEL_SET kernels_avx512
#define KERNEL_SET_NAME "avx512"
#include "body.inc.h"
#pragma clang attribute pop
#endif
