#define CURL_DISABLE_TYPECHECK
#include "ccurl.h"

#include <dlfcn.h>
#include <pthread.h>

// curl.h may make a macro of it, whose name would be taken for ours.
#undef curl_easy_setopt

/// The functions of libcurl, each as curl.h declares it.
#define FUNCTIONS(take)                                                                                           \
  take(global_init) take(easy_init) take(easy_cleanup) take(easy_reset) take(easy_perform) take(easy_strerror)    \
      take(easy_setopt) take(slist_append) take(slist_free_all)

#define DECLARE(name) static __typeof__(&curl_##name) name;
FUNCTIONS(DECLARE)

#ifdef __APPLE__
static const char *const names[] = {"/usr/lib/libcurl.4.dylib", "libcurl.4.dylib"};
#else
static const char *const names[] = {"libcurl.so.4", "libcurl.so"};
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode state = CURLE_FAILED_INIT;

static void load(void) {
  void *library = NULL;
  for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !library; i++) {
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  }
  if (!library) { return; }
  // POSIX lets what dlsym gives be a function; ISO C has no cast for it, so the bits are copied.
#define FIND(name)                                                                                                \
  {                                                                                                               \
    void *found = dlsym(library, "curl_" #name);                                                                  \
    if (!found) { return; }                                                                                       \
    __builtin_memcpy(&name, &found, sizeof found);                                                                \
  }
  FUNCTIONS(FIND)
  state = global_init(CURL_GLOBAL_DEFAULT);
}

CURLcode ccurl_initialise(void) {
  pthread_once(&once, load);
  return state;
}

CURL *ccurl_easy_init(void) { return easy_init(); }
void ccurl_easy_cleanup(CURL *handle) { easy_cleanup(handle); }
void ccurl_easy_reset(CURL *handle) { easy_reset(handle); }
CURLcode ccurl_easy_perform(CURL *handle) { return easy_perform(handle); }
const char *ccurl_easy_strerror(CURLcode code) { return easy_strerror(code); }
struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text) { return slist_append(list, text); }
void ccurl_slist_free_all(struct curl_slist *list) { slist_free_all(list); }

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value) { return easy_setopt(handle, option, value); }
CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
  return easy_setopt(handle, option, value);
}
CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value) {
  return easy_setopt(handle, option, value);
}
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, const void *value) {
  return easy_setopt(handle, option, value);
}
CURLcode ccurl_set_data_function(CURL *handle, CURLoption option, ccurl_data_function function) {
  return easy_setopt(handle, option, function);
}
CURLcode ccurl_set_seek_function(CURL *handle, ccurl_seek_function function) {
  return easy_setopt(handle, CURLOPT_SEEKFUNCTION, function);
}

CURLcode ccurl_allow_http_only(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
  return easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  return easy_setopt(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}
