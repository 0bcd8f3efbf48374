#include <pthread.h>

#include "sets.h"

static kernel_set sets[4];
static size_t set_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void collect(void) {
  sets[set_count++] = kernels_baseline;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v3")) sets[set_count++] = kernels_avx2;
  if (__builtin_cpu_supports("x86-64-v4")) sets[set_count++] = kernels_avx512;
  if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vnni")) sets[set_count++] = kernels_avx512vnni;
#endif
}

const kernel_set *kernel_sets(size_t *count) {
  pthread_once(&once, collect);
  *count = set_count;
  return sets;
}
