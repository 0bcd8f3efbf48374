#pragma once
#include <stddef.h>
#include <stdint.h>

// libFuzzer (compiler-rt/lib/fuzzer/FuzzerInterface.h), without its own `main`.

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *bytes, size_t count));

/// Changes `count` bytes in place in some way; there is room for `limit`. Returns how many there are then.
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t count, size_t limit);

// What a run allocates.

/// Begins to count; to be called before every run.
void fuzzing_meter_start(void);

/// The most bytes that were allocated at one time since the meter was started, not counting those from before.
size_t fuzzing_meter_peak(void);

/// Says that a run allocated too much and ends the process, which libFuzzer takes for a crash.
_Noreturn void fuzzing_meter_fail(size_t peak, size_t limit, size_t count);

/// Opens an empty file that is in memory and has no name; -1 when that is not possible.
int fuzzing_memory_file(void);

/// Does nothing, as only its own compiler knows.
void fuzzing_use(const void *value);
