#include <pthread.h>
#include <string.h>

#include "key.inc.h"
#include "sets.h"

static wordpiece_reader readers[3];
static size_t reader_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void collect(void) {
  readers[reader_count++] = wordpiece_baseline;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v3")) readers[reader_count++] = wordpiece_avx2;
  if (__builtin_cpu_supports("x86-64-v4")) readers[reader_count++] = wordpiece_avx512;
#endif
}

const wordpiece_reader *wordpiece_readers(size_t *count) {
  pthread_once(&once, collect);
  *count = reader_count;
  return readers;
}

static int is_free(const wordpiece_run *run) { return run->key[0] == 0; }

/// Puts a run at its place; what is there goes to the neighbour.
static size_t put(const wordpiece_memory *memory, const wordpiece_run *run) {
  bytes32 bytes;
  memcpy(&bytes, run->key, sizeof bytes);
  const size_t place = (size_t)(hash(bytes) >> memory->shift);
  wordpiece_run *first = memory->runs + place, *second = memory->runs + (place ^ 1);
  if (is_free(first)) {
    *first = *run;
    return 1;
  }
  const size_t taken = (size_t)is_free(second);
  *second = *first;
  *first = *run;
  return taken;
}

size_t wordpiece_insert(
    const wordpiece_memory *memory, const uint8_t *run, size_t count, const int32_t *ids, size_t id_count) {
  wordpiece_run entry = {.count = (uint32_t)id_count};
  bytes64 bytes = {0};
  memcpy(&bytes, run, count);
  bytes = folded(bytes, memory->fold);
  memcpy(entry.key, &bytes, count);
  memcpy(entry.ids, ids, id_count * sizeof *ids);
  return put(memory, &entry);
}

size_t wordpiece_move(const wordpiece_memory *from, const wordpiece_memory *to) {
  size_t taken = 0;
  for (size_t i = 0; i < (size_t)1 << (64 - from->shift); i++)
    if (!is_free(from->runs + i)) taken += put(to, from->runs + i);
  return taken;
}

int wordpiece_contains(const uint8_t *bytes, size_t count, uint8_t byte) {
  return memchr(bytes, byte, count) != NULL;
}
