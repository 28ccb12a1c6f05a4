// libarchive, loaded when the first packed file comes. With the twenty libraries behind it, loading it takes about as
// long as everything else that another command does, so `postern` is not linked with it.
#ifndef CLI_SCAN_LIBARCHIVE_H
#define CLI_SCAN_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>

#define LIBARCHIVE_CALLS(CALL)                                                                                         \
    CALL(archive_read_new)                                                                                             \
    CALL(archive_read_free)                                                                                            \
    CALL(archive_read_open)                                                                                            \
    CALL(archive_read_next_header)                                                                                     \
    CALL(archive_read_data_block)                                                                                      \
    CALL(archive_read_append_filter)                                                                                   \
    CALL(archive_read_set_format_option)                                                                               \
    CALL(archive_read_support_filter_compress)                                                                         \
    CALL(archive_read_support_format_ar)                                                                               \
    CALL(archive_read_support_format_empty)                                                                            \
    CALL(archive_read_support_format_raw)                                                                              \
    CALL(archive_read_support_format_tar)                                                                              \
    CALL(archive_read_support_format_zip_streamable)                                                                   \
    CALL(archive_entry_filetype)                                                                                       \
    CALL(archive_entry_pathname)                                                                                       \
    CALL(archive_entry_pathname_utf8)                                                                                  \
    CALL(archive_filter_bytes)                                                                                         \
    CALL(archive_errno)                                                                                                \
    CALL(archive_error_string)                                                                                         \
    CALL(archive_set_error)

// Its functions, by their own names.
struct libarchive {
#define LIBARCHIVE_MEMBER(name) __typeof__(name) *name;
    LIBARCHIVE_CALLS(LIBARCHIVE_MEMBER)
#undef LIBARCHIVE_MEMBER
};

// Finds the functions; the library stays loaded until the program ends.
// Errors: false, and *why is what the loader says, valid until the next call.
bool libarchive_load(struct libarchive *libarchive, const char **why);

#endif
