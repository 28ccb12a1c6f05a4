// How limits stand, as headers of an answer.
#ifndef GATEWAY_LIMIT_FIELDS_H
#define GATEWAY_LIMIT_FIELDS_H

#include "http.h"

#include <postern/postern.h>

// Adds X-RateLimit-Limit, -Remaining and -Reset (Unix seconds) of the limit that binds, and for all limits
// RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-11. Unlimited and shadow limits bind nobody
// and are left out.
void limit_fields_add(struct http_answer *answer, const struct postern_meter *meters, size_t count,
                      const struct postern_meter *binding, uint64_t now_ms);
// The whole seconds that the span takes, at least 1.
uint64_t limit_fields_seconds(uint64_t span_ms);

#endif
