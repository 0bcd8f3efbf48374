#pragma once
#include "wordpiece.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// The readers this file's siblings define, one a translation unit.
extern const wordpiece_reader wordpiece_baseline;
#if defined(__x86_64__)
extern const wordpiece_reader wordpiece_avx2;
extern const wordpiece_reader wordpiece_avx512;
#endif
