// Every failure ends in a struct postern_error: these fill one in, cut to its size without splitting a character.
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void postern_copy_text(char *to, size_t room, const char *text)
{
    size_t size = strlen(text);
    if (size >= room) {
        size = room - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
            size--;
    }
    memcpy(to, text, size);
    to[size] = '\0';
}

__attribute__((format(printf, 4, 0))) static void fill(struct postern_error *error, enum postern_status status,
                                                       const char *field, const char *format, va_list arguments)
{
    if (error == NULL)
        return;
    char message[2 * sizeof error->message];
    vsnprintf(message, sizeof message, format, arguments);
    *error = (struct postern_error){.status = status};
    postern_copy_text(error->message, sizeof error->message, message);
    postern_copy_text(error->field, sizeof error->field, field);
}

enum postern_status postern_fail(struct postern_error *error, enum postern_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, "", format, arguments);
    va_end(arguments);
    return status;
}

enum postern_status postern_fail_field(struct postern_error *error, enum postern_status status, const char *field,
                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, field, format, arguments);
    va_end(arguments);
    return status;
}

enum postern_status postern_fail_memory(struct postern_error *error)
{
    return postern_fail(error, POSTERN_RESOURCE_EXHAUSTED, "out of memory");
}
