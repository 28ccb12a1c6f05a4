// The keyring file: reads and creates it, and refuses one that others could read or that is not exactly well-formed.
//
// Text: first line "postern-keyring 1", then one line "<id> <64 hex digits>" per master secret, ids ascending from 1.
// Blank lines and lines that start with # are allowed. Every line ends with a newline, so that a cut file is noticed.
#ifndef SECRET_KEYRING_H
#define SECRET_KEYRING_H

#include "base/slice.h"
#include "base/status.h"

enum { KEYRING_MASTER_SIZE = 32, KEYRING_MASTERS_MAX = 64 };

struct keyring {
    size_t count; // at least 1
    struct {
        uint32_t id;
        uint8_t secret[KEYRING_MASTER_SIZE];
    } masters[KEYRING_MASTERS_MAX];
};

// Reads the file into guarded memory; the caller frees *out with keyring_free.
// Errors:
//   NOT_FOUND            there is no file
//   FAILED_PRECONDITION  it is no regular file, others can access it, it is not ours, or it is not well-formed
//   UNAVAILABLE          it cannot be read, or memory is out
STATUS_MUST_CHECK enum status keyring_read(const char *path, struct keyring **out, struct status_failure *failure);
void keyring_free(struct keyring *keyring); // wipes; NULL-safe

// Makes the file with one new master, and its directory when that is missing.
// Errors:
//   ALREADY_EXISTS    there is a file already; it is left alone
//   INVALID_ARGUMENT  the path is too long
//   UNAVAILABLE       the file or its directory cannot be written
STATUS_MUST_CHECK enum status keyring_create(const char *path, struct status_failure *failure);

// Parses a file's content; the failure names `path`. Tests and the fuzz harness call it, too.
// Errors: FAILED_PRECONDITION when it is not well-formed; the failure names the line.
STATUS_MUST_CHECK enum status keyring_parse(struct slice content, const char *path, struct keyring *out,
                                            struct status_failure *failure);

#endif
