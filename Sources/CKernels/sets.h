#pragma once
#include "kernels.h"

// The sets this file's siblings define, one a translation unit.
extern const kernel_set kernels_baseline;
#if defined(__x86_64__)
extern const kernel_set kernels_avx2;
extern const kernel_set kernels_avx512;
extern const kernel_set kernels_avx512vnni;
#endif
