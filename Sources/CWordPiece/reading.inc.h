// A window of 64 bytes at a time. Needs READER, READER_NAME, and MASKED when loads may be masked.
#include "key.inc.h"

#include <string.h>

typedef bool bits64 __attribute__((ext_vector_type(64)));

static inline uint64_t mask(bytes64 truths) {
  return __builtin_bit_cast(uint64_t, __builtin_convertvector(truths != 0, bits64));
}

/// The first `count` bytes, fewer than 64, at `start`; zeros after them. Reads no others.
static inline bytes64 load_few(const uint8_t *start, size_t count) {
#ifdef MASKED
  return (bytes64)_mm512_maskz_loadu_epi8((UINT64_C(1) << count) - 1, start);
#else
  bytes64 bytes = {0};
  memcpy(&bytes, start, count);
  return bytes;
#endif
}

static wordpiece_state read_runs(const wordpiece_memory *memory, wordpiece_reading *reading) {
  const uint8_t *text = reading->text;
  const size_t count = reading->count, room = reading->room;
  const wordpiece_run *runs = memory->runs;
  const unsigned shift = memory->shift;
  const uint8_t fold = memory->fold;
  int32_t *ids = reading->ids;
  size_t place = reading->place, filled = reading->filled;
  wordpiece_state state = wordpiece_finished;

  // Longer than the window, so that 32 bytes may be loaded from anywhere in it.
  struct { bytes64 bytes, after; } window;
  window.after = (bytes64){0};
  while (place < count) {
    if (filled >= room) {
      state = wordpiece_full;
      break;
    }
    const size_t left = count - place;
    bytes64 bytes;
    uint64_t beyond = 0;
    if (left >= 64) {
      memcpy(&bytes, text + place, 64);
    } else {
      bytes = load_few(text + place, left);
      beyond = ~UINT64_C(0) << left;
    }
    const bytes64 lower = bytes | 0x20;
    const bytes64 digit = (bytes64)((bytes64)(bytes - '0') < 10);
    const bytes64 alphanumeric = (bytes64)((bytes64)(lower - 'a') < 26) | digit;
    const bytes64 printing = (bytes64)((bytes64)(bytes - 0x21) < 0x7F - 0x21);
    const bytes64 tab_or_newline = (bytes64)((bytes64)(bytes - '\t') < 2);
    const bytes64 blank = (bytes64)(bytes == ' ') | tab_or_newline | (bytes64)(bytes == '\r');
    const uint64_t space = mask(blank) | beyond;
    const uint64_t punctuation = mask(printing & ~alphanumeric);
    window.bytes = folded(bytes, fold);

    // A bit for every byte that does not go on with the run before it: white space, and the starts of runs.
    const uint64_t part = ~(space | punctuation), fresh = ~(part & part << 1);
    uint64_t starts = fresh & ~space;
    // The last bytes of runs. A run that reaches the window's end may go on after it, if the text does.
    uint64_t lasts = (fresh >> 1 | (punctuation & UINT64_C(1) << 63)) & ~space;
    if (left == 64) lasts |= part & UINT64_C(1) << 63;

    const uint8_t *base = (const uint8_t *)&window;
    while (lasts) {
      const size_t start = (size_t)__builtin_ctzll(starts);
      const size_t length = (size_t)__builtin_ctzll(lasts) + 1 - start;
      const bytes32 wanted = key(base + start, length > 32 ? 32 : length);
      const wordpiece_run *run = runs + (hash(wanted) >> shift);
      if (__builtin_expect(differ(*(const bytes32 *)run->key, wanted) || length > 32, 0)) {
        run = runs + ((size_t)(run - runs) ^ 1);
        if (differ(*(const bytes32 *)run->key, wanted) || length > 32) {
          reading->place = place + start;
          reading->end = place + start + length;
          reading->filled = filled;
          return wordpiece_unknown;
        }
      }
      memcpy(ids + filled, run->ids, 32);
      filled += run->count;
      starts &= starts - 1;
      lasts &= lasts - 1;
      if (filled >= room) {
        reading->place = place + start + length;
        reading->filled = filled;
        return reading->place < count ? wordpiece_full : wordpiece_finished;
      }
    }
    if (starts == 0) {
      place += left < 64 ? left : 64;
    } else if (starts == 1) {
      state = wordpiece_unknown;  // the window is one run
      break;
    } else {
      place += (size_t)__builtin_ctzll(starts);
    }
  }
  reading->place = place;
  reading->end = place;
  reading->filled = filled;
  return state;
}

const wordpiece_reader READER = {.name = READER_NAME, .read = read_runs};
