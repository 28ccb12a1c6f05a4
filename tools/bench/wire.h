// Requests as packed messages, and what a reply says.
//
// Threads: everything here is pure but for randomness (request ids).
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern.pb-c.h"

enum { WIRE_TEXT_MAX = 256, WIRE_CHARGE_ID_SIZE = 16, WIRE_LIMITS_MAX = 4 };

// Each returns a message for the caller to send or free, NULL when memory is out. The names are copied.
nng_msg *wire_health(void);
nng_msg *wire_put_tier(const char *tier, const Postern__V1__Limit *limits, size_t count); // at most WIRE_LIMITS_MAX
nng_msg *wire_put_scope(const char *scope);
nng_msg *wire_put_account(const char *account, const char *tier, uint32_t max_keys);
nng_msg *wire_create(const char *account, const char *name, const char *scope); // NULL: none
// `scope` may be NULL; charge_id: WIRE_CHARGE_ID_SIZE bytes, or NULL.
nng_msg *wire_verify(const char *token, const char *scope, const uint8_t *charge_id);

// A limit on `requests` that a benchmark does not exhaust: 10^9 a minute; algorithm 0: unlimited.
Postern__V1__Limit wire_ample_limit(Postern__V1__Algorithm algorithm);

// Whether this is an OK reply to a Verify that was allowed. Reads the packed bytes, so that checking every reply costs
// next to nothing.
bool wire_is_allowed(const uint8_t *reply, size_t size);
// Whether this is an OK reply to anything.
bool wire_is_ok(const uint8_t *reply, size_t size);
// What the reply says, for an error message.
void wire_describe(const uint8_t *reply, size_t size, char out[WIRE_TEXT_MAX]);

#endif
