#include "random_streams.h"

// A contraction of our own choosing would change the last bit of the normals.
#pragma STDC FP_CONTRACT OFF

#define TARGET
#define KERNEL(name) name##_baseline
#include "random.inc.h"
#undef TARGET
#undef KERNEL

#if defined(__x86_64__)
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define KERNEL(name) name##_avx2
#include "random.inc.h"
#undef TARGET
#undef KERNEL
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define KERNEL(name) name##_avx512
#include "random.inc.h"
#endif

#define SET(isa) {#isa, mt19937_draw_##isa, mt19937_mask_##isa, mcg31_mask_##isa, normal_blocks_##isa}

static const random_kernel_set sets[] = {
  SET(baseline),
#if defined(__x86_64__)
  SET(avx2),
  SET(avx512),
#endif
};

const random_kernel_set *random_kernel_sets(size_t *count) {
  *count = 1;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v3")) *count = 2;
  if (__builtin_cpu_supports("x86-64-v4")) *count = 3;
#endif
  return sets;
}
