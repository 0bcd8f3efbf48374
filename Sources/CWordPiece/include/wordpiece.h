// Words that were met before, and the ids they have: the part of a tokenizer that has to be fast.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
  /// The longest run that is remembered, in bytes.
  wordpiece_run_bytes = 32,
  /// The most ids that a remembered run has.
  wordpiece_run_ids = 7,
  /// How many ids past those that count there must be memory for.
  wordpiece_id_slack = 16,
  /// The bytes of a `wordpiece_run`, and what it is aligned to.
  wordpiece_run_size = 64,
};

/// What lies between ASCII white space and ASCII punctuation, or one such punctuation mark; with its ids.
typedef struct {
  /// The run as `wordpiece_insert` takes it, then zeros. All zeros: no run.
  uint8_t key[wordpiece_run_bytes];
  int32_t ids[wordpiece_run_ids];
  uint32_t count;
} __attribute__((aligned(wordpiece_run_size))) wordpiece_run;

/// What is remembered: every run is at the place its hash says, or at that place's neighbour.
typedef struct {
  /// 2^(64 - shift) of them, at least 2, aligned to 64 bytes.
  wordpiece_run *runs;
  unsigned shift;
  /// 0x20 when ASCII letters are read in lower case, else 0.
  uint8_t fold;
} wordpiece_memory;

/// Where reading a text stands.
typedef struct {
  /// Well-formed UTF-8.
  const uint8_t *text;
  size_t count;
  /// The first byte not read yet, at which a run may begin.
  size_t place;
  /// After `wordpiece_unknown`: where the run at `place` ends, or `place` when that is not seen in 64 bytes.
  size_t end;
  /// The ids so far, with room for `wordpiece_id_slack` more than `room`.
  int32_t *ids;
  size_t filled, room;
} wordpiece_reading;

typedef enum {
  /// All of the text is read.
  wordpiece_finished,
  /// The run at `place` is not in memory.
  wordpiece_unknown,
  /// `filled` has reached `room`.
  wordpiece_full,
} wordpiece_state;

/// One way to do it.
typedef struct {
  const char *name;
  /// Appends the ids of runs for as long as they are in memory and there is room.
  wordpiece_state (*read)(const wordpiece_memory *memory, wordpiece_reading *reading);
} wordpiece_reader;

/// The readers that this processor runs, the fastest last. All give the same.
const wordpiece_reader *wordpiece_readers(size_t *count);

/// Remembers a run of 1 to 32 bytes with 0 to 7 ids, in a free place or that of the run met longer ago.
///
/// - Returns: how many free places were taken, 0 or 1.
size_t wordpiece_insert(
    const wordpiece_memory *memory, const uint8_t *run, size_t count, const int32_t *ids, size_t id_count);

/// Puts every run of `from`, which has fewer places, into `to`. Returns how many places were taken.
size_t wordpiece_move(const wordpiece_memory *from, const wordpiece_memory *to);

/// Whether a byte is among others.
int wordpiece_contains(const uint8_t *bytes, size_t count, uint8_t byte);

/// Puts rows of ids, one after the other, into rows of equal length.
///
/// - Parameters:
///   - ids: with `wordpiece_id_slack` more behind them.
///   - starts: where each row begins, and `rows` + 1 of them: lastly where the last one ends.
///   - left: whether the padding comes first.
///   - padded: `rows` rows of `length` ids, which is at least that of the longest row.
///   - attention: as many, 1 for ids and 0 for padding.
void wordpiece_pad(
    const int32_t *ids, const size_t *starts, size_t rows, size_t length, int32_t padding, int left,
    int32_t *padded, int32_t *attention);
