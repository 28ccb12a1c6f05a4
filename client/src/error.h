// Filling a struct postern_error; a NULL pointer for it is fine everywhere.
#ifndef POSTERN_ERROR_H
#define POSTERN_ERROR_H

#include "postern/postern.h"

// What the library says by itself. Returns `status`, so that a failure is one line. Text that does not fit is cut.
enum postern_status postern_fail(struct postern_error *error, enum postern_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum postern_status postern_fail_field(struct postern_error *error, enum postern_status status, const char *field,
                                       const char *format, ...) __attribute__((format(printf, 4, 5)));
enum postern_status postern_fail_memory(struct postern_error *error);
// Copies text that may be longer than the room for it, never splitting a character.
void postern_copy_text(char *to, size_t room, const char *text);

#endif
