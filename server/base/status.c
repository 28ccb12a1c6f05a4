// The names of statuses, and the one function that writes a failure.
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

enum status status_fail(struct status_failure *failure, enum status status, const char *field, const char *format, ...)
{
    if (failure == NULL)
        return status;
    if (snprintf(failure->field, sizeof failure->field, "%s", field != NULL ? field : "") < 0)
        failure->field[0] = '\0';
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(failure->message, sizeof failure->message, format, arguments) < 0)
        failure->message[0] = '\0';
    va_end(arguments);
    // Both texts travel on the wire, and cutting may have split a character.
    slice_scrub(failure->field, strlen(failure->field));
    slice_scrub(failure->message, strlen(failure->message));
    return status;
}

const char *status_name(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return "OK";
    case STATUS_CANCELLED:
        return "CANCELLED";
    case STATUS_UNKNOWN:
        return "UNKNOWN";
    case STATUS_INVALID_ARGUMENT:
        return "INVALID_ARGUMENT";
    case STATUS_DEADLINE_EXCEEDED:
        return "DEADLINE_EXCEEDED";
    case STATUS_NOT_FOUND:
        return "NOT_FOUND";
    case STATUS_ALREADY_EXISTS:
        return "ALREADY_EXISTS";
    case STATUS_PERMISSION_DENIED:
        return "PERMISSION_DENIED";
    case STATUS_RESOURCE_EXHAUSTED:
        return "RESOURCE_EXHAUSTED";
    case STATUS_FAILED_PRECONDITION:
        return "FAILED_PRECONDITION";
    case STATUS_ABORTED:
        return "ABORTED";
    case STATUS_OUT_OF_RANGE:
        return "OUT_OF_RANGE";
    case STATUS_UNIMPLEMENTED:
        return "UNIMPLEMENTED";
    case STATUS_INTERNAL:
        return "INTERNAL";
    case STATUS_UNAVAILABLE:
        return "UNAVAILABLE";
    case STATUS_DATA_LOSS:
        return "DATA_LOSS";
    case STATUS_UNAUTHENTICATED:
        return "UNAUTHENTICATED";
    }
    return "UNKNOWN";
}
