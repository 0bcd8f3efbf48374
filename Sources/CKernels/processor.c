#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif
#include <unistd.h>

#include "kernels.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

uint64_t floating_point_mode(void) {
#if defined(__x86_64__)
  return _mm_getcsr();
#elif defined(__aarch64__)
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
#else
  return 0;
#endif
}

void set_floating_point_mode(uint64_t mode) {
#if defined(__x86_64__)
  _mm_setcsr((unsigned)mode);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
  (void)mode;
#endif
}

void flush_denormals(bool enabled) {
#if defined(__x86_64__)
  const uint64_t bits = 0x8040;  // FTZ and DAZ
#elif defined(__aarch64__)
  const uint64_t bits = UINT64_C(1) << 24;  // FZ
#else
  const uint64_t bits = 0;
#endif
  const uint64_t mode = floating_point_mode();
  set_floating_point_mode(enabled ? mode | bits : mode & ~bits);
}

size_t processor_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return (size_t)CPU_COUNT(&set);
#endif
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (size_t)count : 1;
}
