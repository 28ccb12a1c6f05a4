// Room-private: the bounds of the wire, checked for every call in one walk over the decoded message.
//
// Bounds are a const table by field name (check_rule.c); which fields a call needs at all is the handlers' business.
#ifndef RPC_CHECK_H
#define RPC_CHECK_H

#include "base/slice.h"
#include "base/status.h"

#include <protobuf-c/protobuf-c.h>

// UNIMPLEMENTED: an unknown field inside the call (field = path of the message that carries it). INVALID_ARGUMENT: a
// bound is broken (field = path of the member). `name` is the call's, the first part of every path.
STATUS_MUST_CHECK enum status check_call(const char *name, const ProtobufCMessage *message, struct status_note *note);

// For the bytes of a Request that do not decode: INVALID_ARGUMENT when a list in it has more elements than its bound
// (the note as above), else OK, and the reason is another one.
STATUS_MUST_CHECK enum status check_excess(struct slice bytes, struct status_note *note);

// --- the table

enum check_kind {
    CHECK_ANY,     // no bound but the request's size
    CHECK_TEXT,    // at most `max` bytes
    CHECK_NAME,    // account, tier, namespace, resource
    CHECK_PREFIX,  // of a token
    CHECK_KEY_ID,  // "key_" and 15 characters
    CHECK_SCOPE,   // what is needed
    CHECK_GRANT,   // what is granted: a scope or "a:*"
    CHECK_ADDRESS, // IPv4, IPv6
    CHECK_NETWORK, // address or CIDR
    CHECK_OPAQUE,  // bytes, at most `max`
    CHECK_EXACT,   // exactly `max` bytes, or none
    CHECK_RANDOM,  // the same, and not all of them 0
    CHECK_NUMBER,  // at most `max`
    CHECK_COUNT    // only the number of elements is bounded
};

struct check_rule {
    const char *name;
    enum check_kind kind;
    uint64_t max;
    size_t count_max; // of repeated fields
};

// NULL when there is no rule.
const struct check_rule *check_rule_find(const char *name);
// Does the value keep the rule? `hint` says what is allowed when not.
bool check_rule_holds(const struct check_rule *rule, struct slice value, const char **hint);

#endif
