// What every processor of the architecture has: SSE2 on x86-64, NEON with fused multiply-add on arm64.
#define LANES 4
#if defined(__aarch64__)
#define FUSED 1
#define TILE_ROWS 12
#else
#define FUSED 0
#define TILE_ROWS 6
#endif
#define KERNEL_SET kernels_baseline
#define KERNEL_SET_NAME "baseline"
#include "body.inc.h"
