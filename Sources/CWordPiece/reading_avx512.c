// x86-64-v4: AVX-512 F, BW, CD, DQ and VL; Skylake-X (2017), Zen 4 (2022) and later.
#include "sets.h"
#if defined(__x86_64__)
#include <string.h>
#pragma clang attribute push( \
  __attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
#define READER wordpiece_avx512
#define READER_NAME "avx512"
#define MASKED 1
#include "reading.inc.h"
#pragma clang attribute pop
#endif
