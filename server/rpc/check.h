// Room-private: the bounds of the wire, checked for every call in one walk over the decoded message.
//
// Bounds are a const table by field name (check_bound.c); handlers know which fields a call needs at all.
#ifndef RPC_CHECK_H
#define RPC_CHECK_H

#include "base/slice.h"
#include "base/status.h"

#include <protobuf-c/protobuf-c.h>

// Checks a call. `name` is the call's, the first part of every path in the failure.
// Errors:
//   UNIMPLEMENTED     there is an unknown field inside the call (failure->field: the message that carries it)
//   INVALID_ARGUMENT  a bound is broken (failure->field: the member)
STATUS_MUST_CHECK enum status check_call(const char *name, const ProtobufCMessage *message,
                                         struct status_failure *failure);

// Looks, before the bytes of a Request are decoded, whether a list in them is too long, or another field comes more
// than 16 times; takes no memory. OK does not mean that they decode.
// Errors: INVALID_ARGUMENT when there is such a field; the failure is as above.
STATUS_MUST_CHECK enum status check_excess(struct slice bytes, struct status_failure *failure);

// --- the table

enum check_kind {
    CHECK_ANY,     // no bound but the request's size
    CHECK_TEXT,    // at most `max` bytes
    CHECK_NAME,    // account, tier, namespace, resource
    CHECK_PREFIX,  // of a token
    CHECK_KEY_ID,  // "key_" and 15 characters
    CHECK_SCOPE,   // a scope that is needed
    CHECK_GRANT,   // a scope that is granted, or "a:*"
    CHECK_NETWORK, // address or CIDR
    CHECK_ZONE,    // name of a time zone; whether there is one is for the handler to find
    CHECK_OPAQUE,  // bytes, at most `max`
    CHECK_EXACT,   // exactly `max` bytes, or none
    CHECK_RANDOM,  // as CHECK_EXACT, and not all of them 0
    CHECK_NUMBER,  // at most `max`
    CHECK_SPAN,    // the same, a span of time in milliseconds
    CHECK_MOMENT,  // the same, a moment in Unix milliseconds
    CHECK_COUNT    // only the number of elements is bounded
};

struct check_bound {
    const char *name;
    enum check_kind kind;
    uint64_t max;
    size_t count_max; // of repeated fields
};

// Returns the bound for a field of this name, or NULL.
const struct check_bound *check_bound_find(const char *name);
// Does the value keep the bound? `hint` says what is allowed when not.
bool check_bound_holds(const struct check_bound *bound, struct slice value, const char **hint);

#endif
