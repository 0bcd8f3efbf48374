#include <string.h>

#include "wordpiece.h"

typedef int32_t ints16 __attribute__((vector_size(64)));
typedef int32_t ints16_anywhere __attribute__((vector_size(64), aligned(4)));

enum { step = 16 };

/// Writes whole steps: up to 15 elements too many, which are written again later.
static void fill(int32_t *to, size_t count, int32_t value) {
  const ints16 values = (ints16){0} + value;
  for (size_t i = 0; i < count; i += step) *(ints16_anywhere *)(to + i) = values;
}

/// As `fill`; also reads up to 15 elements too many.
static void copy(int32_t *to, const int32_t *from, size_t count) {
  for (size_t i = 0; i < count; i += step)
    *(ints16_anywhere *)(to + i) = *(const ints16_anywhere *)(from + i);
}

static void fill_exactly(int32_t *to, size_t count, int32_t value) {
  for (size_t i = 0; i < count; i++) to[i] = value;
}

void wordpiece_pad(
    const int32_t *ids, const size_t *starts, size_t rows, size_t length, int32_t padding, int left,
    int32_t *padded, int32_t *attention) {
  const size_t all = rows * length;
  for (size_t row = 0; row < rows; row++) {
    const int32_t *from = ids + starts[row];
    const size_t used = starts[row + 1] - starts[row], rest = length - used, place = row * length;
    // Where the ids go, and where the padding does.
    const size_t text = place + (left ? rest : 0), blank = place + (left ? 0 : used);
    if (place + length + step > all) {
      if (used > 0) memcpy(padded + text, from, used * sizeof *from);
      fill_exactly(attention + text, used, 1);
      fill_exactly(padded + blank, rest, padding);
      fill_exactly(attention + blank, rest, 0);
    } else if (left) {
      fill(padded + blank, rest, padding);
      fill(attention + blank, rest, 0);
      copy(padded + text, from, used);
      fill(attention + text, used, 1);
    } else {
      copy(padded + text, from, used);
      fill(attention + text, used, 1);
      fill(padded + blank, rest, padding);
      fill(attention + blank, rest, 0);
    }
  }
}
