// x86-64-v3: AVX2, FMA and F16C; Haswell (2013), Zen (2017) and later.
#include "sets.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LANES 8
#define FUSED 1
#define TILE_ROWS 6
#define KERNEL_SET kernels_avx2
#define KERNEL_SET_NAME "avx2"
#include "body.inc.h"
#pragma clang attribute pop
#endif
