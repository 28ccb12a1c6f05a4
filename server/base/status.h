// Whether something worked: the canonical gRPC codes, and a text for the person who has to act on a failure.
//
// A failure is a status; a refusal (a key may not do this) is a reason (reason.h). One never stands for the other.
// Threads: everything here is pure.
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

// Numbers of google.rpc.Code (https://grpc.io/docs/guides/status-codes/); they travel on the wire.
enum status {
    STATUS_OK = 0,
    STATUS_CANCELLED = 1,
    STATUS_UNKNOWN = 2,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_ALREADY_EXISTS = 6,
    STATUS_PERMISSION_DENIED = 7,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_FAILED_PRECONDITION = 9,
    STATUS_ABORTED = 10,
    STATUS_OUT_OF_RANGE = 11,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,
    STATUS_UNAVAILABLE = 14,
    STATUS_DATA_LOSS = 15,
    STATUS_UNAUTHENTICATED = 16
};

#define STATUS_MUST_CHECK __attribute__((warn_unused_result))

// What went wrong and where. Plain text, never a secret. Both texts may be empty.
struct status_failure {
    char field[96];    // path of the argument at fault, e.g. "create.limits[2].resource"
    char message[256]; // what was wrong and what to do next
};

// Writes the failure and returns `status`, so that failing takes one line. `failure` and `field` may be NULL. Text that
// does not fit is cut.
enum status status_fail(struct status_failure *failure, enum status status, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Returns the upper-case name, e.g. "NOT_FOUND".
const char *status_name(enum status status);

// Ignores a status; there is no other way to do so. `why` is for the reader.
static inline void status_ignore(enum status status, const char *why)
{
    (void)status;
    (void)why;
}

#endif
