#pragma once
#include <curl/curl.h>
#include <stddef.h>

// libcurl, loaded when it is first needed. With its TLS, LDAP and SSH libraries it takes 4 ms to load, which every run of
// a program that is linked with it would pay.
//
// curl_easy_setopt takes its last argument through `...`, which Swift cannot call: one function for each type of
// argument.

/// Loads and starts libcurl, once a process; CURLE_FAILED_INIT when there is none. Before this succeeds no other function
/// may be called.
CURLcode ccurl_initialise(void);

CURL *ccurl_easy_init(void);
void ccurl_easy_cleanup(CURL *handle);
void ccurl_easy_reset(CURL *handle);
CURLcode ccurl_easy_perform(CURL *handle);
const char *ccurl_easy_strerror(CURLcode code);
struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text);
void ccurl_slist_free_all(struct curl_slist *list);

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
/// The string is copied.
CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value);
/// What `value` points to is not copied: it must live as long as the transfer.
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, const void *value);

/// A function that takes or gives bytes.
typedef size_t (*ccurl_data_function)(char *bytes, size_t size, size_t count, void *context);
CURLcode ccurl_set_data_function(CURL *handle, CURLoption option, ccurl_data_function function);

/// A function that moves to another place of what is sent.
typedef int (*ccurl_seek_function)(void *context, curl_off_t offset, int origin);
CURLcode ccurl_set_seek_function(CURL *handle, ccurl_seek_function function);

/// The schemes that may be spoken; libcurl 7.85 has another option for it and warns of the old one.
CURLcode ccurl_allow_http_only(CURL *handle);
