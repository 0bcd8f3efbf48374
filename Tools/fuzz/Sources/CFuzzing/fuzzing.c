#define _GNU_SOURCE
#include "fuzzing.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

// compiler-rt/include/sanitizer/allocator_interface.h
int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void *, size_t), void (*free_hook)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *pointer);

static atomic_long live, peak;

static void allocated(const volatile void *pointer, size_t count) {
  (void)pointer;
  long now = atomic_fetch_add(&live, (long)count) + (long)count;
  long before = atomic_load(&peak);
  while (now > before && !atomic_compare_exchange_weak(&peak, &before, now)) {}
}

static void freed(const volatile void *pointer) {
  if (pointer) atomic_fetch_sub(&live, (long)__sanitizer_get_allocated_size(pointer));
}

void fuzzing_meter_start(void) {
  static int is_installed;
  if (!is_installed) {
    if (!__sanitizer_install_malloc_and_free_hooks(allocated, freed)) abort();
    is_installed = 1;
  }
  atomic_store(&live, 0);
  atomic_store(&peak, 0);
}

size_t fuzzing_meter_peak(void) { return (size_t)atomic_load(&peak); }

void fuzzing_meter_fail(size_t peak, size_t limit, size_t count) {
  fprintf(stderr, "allocated %zu bytes, %zu more than allowed for an input of %zu\n", peak, peak - limit, count);
  abort();
}

int fuzzing_memory_file(void) { return memfd_create("input", MFD_CLOEXEC); }

void fuzzing_use(const void *value) { (void)value; }
