// Why a decision was made: the closed set of WIRE, ordered so that the lowest number wins.
//
// Threads: everything here is pure.
#ifndef BASE_REASON_H
#define BASE_REASON_H

#include <stddef.h>
#include <stdint.h>

// Numbers of the wire's enum Reason.
enum reason {
    REASON_ALLOWED = 1,
    REASON_MISSING_API_KEY = 10,
    REASON_INVALID_API_KEY = 11,
    REASON_REVOKED_API_KEY = 12,
    REASON_EXPIRED_API_KEY = 13,
    REASON_DISABLED_API_KEY = 14,
    REASON_NOT_YET_VALID_API_KEY = 15,
    REASON_ACCOUNT_SUSPENDED = 30,
    REASON_WRONG_ACCOUNT = 31,
    REASON_WRONG_ENVIRONMENT = 32,
    REASON_SECRET_KEY_REQUIRED = 33,
    REASON_ADDRESS_NOT_ALLOWED = 34,
    REASON_INSUFFICIENT_SCOPE = 35,
    REASON_RATE_LIMITED = 50,
    REASON_COST_EXCEEDS_LIMIT = 51
};

// Reasons are also numbered without gaps: from 0, which is ALLOWED, in the order of the enum.
enum { REASON_COUNT = 15 };
enum reason reason_at(size_t index);
// Returns the index of a number of the enum; REASON_COUNT for a number that is none.
size_t reason_index(uint32_t reason);

// Returns the upper-case name without prefix, e.g. "REVOKED_API_KEY".
const char *reason_name(enum reason reason);

// Returns the HTTP status that a gateway answers: 200, 401, 403 or 429.
unsigned reason_http_status(enum reason reason);

// Says what is wrong with a credential whose key is refused for this reason, and what to do.
const char *reason_of_credential(enum reason reason);

#endif
