// x86-64-v3: AVX2, BMI; Haswell (2013), Zen (2017) and later.
#include "sets.h"
#if defined(__x86_64__)
#include <string.h>
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define READER wordpiece_avx2
#define READER_NAME "avx2"
#include "reading.inc.h"
#pragma clang attribute pop
#endif
