// Answers software that was made for OAuth tokens (RFC 7662).
#ifndef GATEWAY_INTROSPECT_H
#define GATEWAY_INTROSPECT_H

#include "gateway.h"

// POST /introspect, the form token=...; who asks is one that may verify. Charges nothing.
void introspect_answer(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);

#endif
