#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#if defined(__APPLE__)
#ifndef ACCELERATE_NEW_LAPACK
#define ACCELERATE_NEW_LAPACK
#endif
#include <Accelerate/Accelerate.h>
#else
#include <cblas.h>
#endif

void matrix_product(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  if (m == 0 || n == 0) return;
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (int)m,
              (int)n, (int)k, 1, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

static char description[160];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void prepare(void);

void blas_prepare(void) { pthread_once(&once, prepare); }

#if defined(__APPLE__)

static void prepare(void) {
  // Accelerate spreads work over threads by itself; panels that already run in parallel must not.
  BLASSetThreading(BLAS_THREADING_SINGLE_THREADED);
  snprintf(description, sizeof description, "Accelerate");
}

#else

// Present in builds that choose their kernels at run time; weak, so that others link.
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

/// OpenBLAS before 0.3.25 takes Intel family 6 models it does not know (Raptor Lake, Emerald Rapids, Arrow Lake) for a
/// Pentium 4 and runs SSE3 kernels, five to nine times slower (OpenMathLib/OpenBLAS#4267). An empty core name makes it
/// choose by what the processor can do.
static void choose_core(void) {
#if defined(__x86_64__)
  const char *core = openblas_get_corename();
  const bool is_old = strcmp(core, "Prescott") == 0 || strcmp(core, "Nehalem") == 0;
  const char *wish = getenv("OPENBLAS_CORETYPE");
  __builtin_cpu_init();
  if (!is_old || wish != NULL || !__builtin_cpu_supports("x86-64-v3")) return;
  if (gotoblas_dynamic_init == NULL || gotoblas_dynamic_quit == NULL) return;
  gotoblas_dynamic_quit();
  setenv("OPENBLAS_CORETYPE", "", 1);
  gotoblas_dynamic_init();
  unsetenv("OPENBLAS_CORETYPE");
#endif
}

static void prepare(void) {
  choose_core();
  openblas_set_num_threads(1);
  // The configuration reads "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …".
  const char *configuration = openblas_get_config();
  const char *end = strchr(configuration, ' ');
  if (end != NULL) end = strchr(end + 1, ' ');
  const int length = end == NULL ? (int)strlen(configuration) : (int)(end - configuration);
  snprintf(description, sizeof description, "%.*s %s", length, configuration, openblas_get_corename());
}

#endif

const char *blas_description(void) {
  blas_prepare();
  return description;
}
