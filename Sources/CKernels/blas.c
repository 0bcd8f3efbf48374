#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

static char description[160];
static bool is_ready = false;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void prepare(void);

bool blas_prepare(void) {
  pthread_once(&once, prepare);
  return is_ready;
}

const char *blas_description(void) { return blas_prepare() ? description : NULL; }

#if defined(__APPLE__)

#ifndef ACCELERATE_NEW_LAPACK
#define ACCELERATE_NEW_LAPACK
#endif
#include <Accelerate/Accelerate.h>

#define sgemm cblas_sgemm

static void prepare(void) {
  // Accelerate spreads work over threads by itself; panels that already run in parallel must not.
  BLASSetThreading(BLAS_THREADING_SINGLE_THREADED);
  snprintf(description, sizeof description, "Accelerate");
  is_ready = true;
}

#else

#include <dlfcn.h>

// Debian's cblas.h may be that of another BLAS, which lacks what OpenBLAS says of itself.
#if __has_include(<cblas-openblas.h>)
#include <cblas-openblas.h>
#elif __has_include(<openblas/cblas.h>)
#include <openblas/cblas.h>
#elif __has_include(<cblas.h>)
#include <cblas.h>
#else
#error "the headers of OpenBLAS are not here; apt-get install libopenblas-dev, or dnf install openblas-devel"
#endif

static __typeof__(&cblas_sgemm) sgemm;
static __typeof__(&openblas_set_num_threads) set_num_threads;
static __typeof__(&openblas_get_config) get_config;
static __typeof__(&openblas_get_corename) get_corename;
// Present in builds that choose their kernels at run time.
static void (*dynamic_init)(void);
static void (*dynamic_quit)(void);

/// Points the functions above into OpenBLAS; false when there is none.
static bool load(void) {
  // Fedora's libopenblas.so.0 has no threads, which are not wanted here.
  static const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
  // While it is loaded it starts a thread for every processor, each of which takes 32 MB of address space and spins for
  // a tenth of a second.
  const bool is_set = getenv("OPENBLAS_NUM_THREADS") != NULL;
  if (!is_set) setenv("OPENBLAS_NUM_THREADS", "1", 1);
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && library == NULL; i++) {
    library = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
  }
  if (!is_set) unsetenv("OPENBLAS_NUM_THREADS");
  if (library == NULL) return false;
  // POSIX lets what dlsym gives be a function; ISO C has no cast for it, so the bits are copied.
#define FIND(function, name)                                \
  {                                                         \
    void *found = dlsym(library, name);                     \
    __builtin_memcpy(&function, &found, sizeof(function));  \
  }
  FIND(sgemm, "cblas_sgemm")
  FIND(set_num_threads, "openblas_set_num_threads")
  FIND(get_config, "openblas_get_config")
  FIND(get_corename, "openblas_get_corename")
  FIND(dynamic_init, "gotoblas_dynamic_init")
  FIND(dynamic_quit, "gotoblas_dynamic_quit")
#undef FIND
  return sgemm != NULL && set_num_threads != NULL && get_config != NULL && get_corename != NULL;
}

/// OpenBLAS before 0.3.25 takes Intel family 6 models it does not know (Raptor Lake, Emerald Rapids, Arrow Lake) for a
/// Pentium 4 and runs SSE3 kernels, five to nine times slower (OpenMathLib/OpenBLAS#4267). An empty core name makes it
/// choose by what the processor can do.
static void choose_core(void) {
#if defined(__x86_64__)
  const char *core = get_corename();
  const bool is_old = strcmp(core, "Prescott") == 0 || strcmp(core, "Nehalem") == 0;
  const char *wish = getenv("OPENBLAS_CORETYPE");
  __builtin_cpu_init();
  if (!is_old || wish != NULL || !__builtin_cpu_supports("x86-64-v3")) return;
  if (dynamic_init == NULL || dynamic_quit == NULL) return;
  dynamic_quit();
  setenv("OPENBLAS_CORETYPE", "", 1);
  dynamic_init();
  unsetenv("OPENBLAS_CORETYPE");
#endif
}

static void prepare(void) {
  if (!load()) return;
  choose_core();
  set_num_threads(1);
  // The configuration reads "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …".
  const char *configuration = get_config();
  const char *end = strchr(configuration, ' ');
  if (end != NULL) end = strchr(end + 1, ' ');
  const int length = end == NULL ? (int)strlen(configuration) : (int)(end - configuration);
  snprintf(description, sizeof description, "%.*s %s", length, configuration, get_corename());
  is_ready = true;
}

#endif

void matrix_product(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  if (m == 0 || n == 0) return;
  sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (int)m,
        (int)n, (int)k, 1, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
