#include "carchive.h"

#include <dlfcn.h>
#include <pthread.h>

/// The functions of libarchive, each as archive.h declares it.
#define FUNCTIONS(take)                                                                                           \
  take(version_number) take(read_new) take(read_free) take(read_support_format_zip_streamable)                    \
      take(read_set_format_option) take(read_open) take(read_next_header) take(read_data) take(error_string)

#define DECLARE(name) static __typeof__(&archive_##name) name;
FUNCTIONS(DECLARE)

#ifdef __APPLE__
static const char *const names[] = {"/usr/lib/libarchive.2.dylib", "libarchive.13.dylib"};
#else
static const char *const names[] = {"libarchive.so.13", "libarchive.so"};
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_loaded = false;

static void load(void) {
  void *library = NULL;
  for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !library; i++) {
    library = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
  }
  if (!library) { return; }
  // POSIX lets what dlsym gives be a function; ISO C has no cast for it, so the bits are copied.
#define FIND(name)                                                                                                \
  {                                                                                                               \
    void *found = dlsym(library, "archive_" #name);                                                               \
    if (!found) { return; }                                                                                       \
    __builtin_memcpy(&name, &found, sizeof found);                                                                \
  }
  FUNCTIONS(FIND)
  is_loaded = version_number() >= 3000000 && version_number() < 5000000;
}

bool carchive_load(void) {
  pthread_once(&once, load);
  return is_loaded;
}

int carchive_version_number(void) { return version_number(); }
struct archive *carchive_read_new(void) { return read_new(); }
int carchive_read_free(struct archive *archive) { return read_free(archive); }
int carchive_read_support_format_zip_streamable(struct archive *archive) {
  return read_support_format_zip_streamable(archive);
}
int carchive_read_set_format_option(struct archive *archive, const char *module, const char *option,
                                    const char *value) {
  return read_set_format_option(archive, module, option, value);
}
int carchive_read_open(struct archive *archive, void *context, archive_open_callback *open,
                       archive_read_callback *read, archive_close_callback *close) {
  return read_open(archive, context, open, read, close);
}
int carchive_read_next_header(struct archive *archive, struct archive_entry **entry) {
  return read_next_header(archive, entry);
}
la_ssize_t carchive_read_data(struct archive *archive, void *buffer, size_t count) {
  return read_data(archive, buffer, count);
}
const char *carchive_error_string(struct archive *archive) { return error_string(archive); }
