// x86-64-v4 with VNNI, which multiplies and adds bytes; Ice Lake (2019), Zen 4 (2022) and later.
#include "sets.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push( \
  __attribute__((target("arch=x86-64-v4,avx512vnni"), min_vector_width(512))), apply_to = function)
#define LANES 16
#define FUSED 1
#define TILE_ROWS 14
#define HAS_VNNI 1
#define KERNEL_SET kernels_avx512vnni
#define KERNEL_SET_NAME "avx512vnni"
#include "body.inc.h"
#pragma clang attribute pop
#endif
