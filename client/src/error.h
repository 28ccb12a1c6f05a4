// Filling a struct postern_error; a NULL pointer for it is fine everywhere.
#ifndef POSTERN_ERROR_H
#define POSTERN_ERROR_H

#include "postern/postern.h"

// Fill in a failure that the library found by itself, with the field at fault or without. They return `status`, so that
// a caller fails in one line. Text that does not fit is cut.
enum postern_status postern_fail(struct postern_error *error, enum postern_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum postern_status postern_fail_field(struct postern_error *error, enum postern_status status, const char *field,
                                       const char *format, ...) __attribute__((format(printf, 4, 5)));
// The same for memory that is out: RESOURCE_EXHAUSTED.
enum postern_status postern_fail_memory(struct postern_error *error);
// Copies text, cut to `room` bytes with its NUL; no character is split.
void postern_copy_text(char *to, size_t room, const char *text);

#endif
