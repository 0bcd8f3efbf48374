#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifndef __APPLE__
#if !__has_include(<archive.h>)
#error "the headers of libarchive are not here; apt-get install libarchive-dev, or dnf install libarchive-devel"
#endif
#include <archive.h>
#else
// macOS has the library and not its headers; these are the declarations of libarchive 3.
typedef ssize_t la_ssize_t;
struct archive;
struct archive_entry;
typedef la_ssize_t archive_read_callback(struct archive *, void *context, const void **buffer);
typedef int archive_open_callback(struct archive *, void *context);
typedef int archive_close_callback(struct archive *, void *context);
int archive_version_number(void);
struct archive *archive_read_new(void);
int archive_read_free(struct archive *);
int archive_read_support_format_zip_streamable(struct archive *);
int archive_read_set_format_option(struct archive *, const char *module, const char *option, const char *value);
int archive_read_open(struct archive *, void *context, archive_open_callback *, archive_read_callback *,
                      archive_close_callback *);
int archive_read_next_header(struct archive *, struct archive_entry **);
la_ssize_t archive_read_data(struct archive *, void *buffer, size_t count);
const char *archive_error_string(struct archive *);
#define ARCHIVE_OK 0
#define ARCHIVE_FATAL (-30)
#endif

// libarchive, loaded when it is first needed. With the libraries that it needs in turn, among them 30 MB of ICU, it
// takes 1 ms to load, which every run of a program that is linked with it would pay.

/// Loads libarchive, once a process; false when there is none of version 3. Before this succeeds no other function may
/// be called.
bool carchive_load(void);

int carchive_version_number(void);
struct archive *carchive_read_new(void);
int carchive_read_free(struct archive *archive);
int carchive_read_support_format_zip_streamable(struct archive *archive);
int carchive_read_set_format_option(struct archive *archive, const char *module, const char *option,
                                    const char *value);
int carchive_read_open(struct archive *archive, void *context, archive_open_callback *open,
                       archive_read_callback *read, archive_close_callback *close);
int carchive_read_next_header(struct archive *archive, struct archive_entry **entry);
la_ssize_t carchive_read_data(struct archive *archive, void *buffer, size_t count);
const char *carchive_error_string(struct archive *archive);
