// Words for the numbers of the protocol, taken from its descriptors.
#include "reply.h"

const char *postern_status_name(enum postern_status status)
{
    static const char *const names[] = {
        [POSTERN_OK] = "OK",
        [POSTERN_CANCELLED] = "CANCELLED",
        [POSTERN_UNKNOWN] = "UNKNOWN",
        [POSTERN_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
        [POSTERN_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
        [POSTERN_NOT_FOUND] = "NOT_FOUND",
        [POSTERN_ALREADY_EXISTS] = "ALREADY_EXISTS",
        [POSTERN_PERMISSION_DENIED] = "PERMISSION_DENIED",
        [POSTERN_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
        [POSTERN_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
        [POSTERN_ABORTED] = "ABORTED",
        [POSTERN_OUT_OF_RANGE] = "OUT_OF_RANGE",
        [POSTERN_UNIMPLEMENTED] = "UNIMPLEMENTED",
        [POSTERN_INTERNAL] = "INTERNAL",
        [POSTERN_UNAVAILABLE] = "UNAVAILABLE",
        [POSTERN_DATA_LOSS] = "DATA_LOSS",
        [POSTERN_UNAUTHENTICATED] = "UNAUTHENTICATED",
    };
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "UNKNOWN";
}

static const char *word(const ProtobufCEnumDescriptor *words, int value)
{
    const char *found = postern_enum_word(words, value);
    return found != NULL ? found : "UNKNOWN";
}

const char *postern_reason_name(enum postern_reason reason)
{
    return word(&postern__v1__reason__descriptor, (int)reason);
}

const char *postern_environment_name(enum postern_environment environment)
{
    return word(&postern__v1__environment__descriptor, (int)environment);
}

const char *postern_key_type_name(enum postern_key_type type)
{
    return word(&postern__v1__key_type__descriptor, (int)type);
}

const char *postern_key_state_name(enum postern_key_state state)
{
    return word(&postern__v1__key_state__descriptor, (int)state);
}

const char *postern_period_name(enum postern_period period)
{
    return word(&postern__v1__period__descriptor, (int)period);
}

const char *postern_subject_name(enum postern_subject subject)
{
    return word(&postern__v1__subject__descriptor, (int)subject);
}

const char *postern_unusual_name(enum postern_unusual unusual)
{
    return word(&postern__v1__unusual__descriptor, (int)unusual);
}
