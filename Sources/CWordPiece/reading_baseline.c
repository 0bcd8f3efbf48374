// What every processor of the architecture has: SSE2, NEON, or nothing in particular.
#include "sets.h"
#define READER wordpiece_baseline
#define READER_NAME "baseline"
#include "reading.inc.h"
