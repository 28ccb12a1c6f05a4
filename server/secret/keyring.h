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

// NOT_FOUND when there is no file, else as secret_open. *out is guarded memory.
STATUS_MUST_CHECK enum status keyring_read(const char *path, struct keyring **out, struct status_note *note);
void keyring_free(struct keyring *keyring); // wipes; NULL-safe

// Makes the file with one new master, and its directory when that is missing. ALREADY_EXISTS when there is a file (it
// is left alone), UNAVAILABLE when it cannot be written.
STATUS_MUST_CHECK enum status keyring_create(const char *path, struct status_note *note);

// Parses a file's content; `path` is for the note. Room-private entry for tests and fuzzing.
STATUS_MUST_CHECK enum status keyring_parse(struct slice content, const char *path, struct keyring *out,
                                            struct status_note *note);

#endif
