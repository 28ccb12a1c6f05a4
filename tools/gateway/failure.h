// What posternd, or libpostern, says when a call itself failed, as an answer of HTTP.
#ifndef GATEWAY_FAILURE_H
#define GATEWAY_FAILURE_H

#include "gateway.h"

// Answers with a problem that has `code` (the reason or the status's name) and `field`, and with Retry-After. What
// posternd did not say itself, and what is wrong with posternd, is a 503.
void failure_answer(struct http_answer *answer, const struct postern_error *error);
// The status for that failure.
unsigned failure_http_status(const struct postern_error *error);

#endif
