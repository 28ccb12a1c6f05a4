// The door for proxies: may the request that one of them has got pass?
#ifndef GATEWAY_AUTH_H
#define GATEWAY_AUTH_H

#include "endpoint.h"

// /auth, and /auth/PATH for proxies that put the request's own path there (Envoy). 200 with headers that say who it is;
// 400, 401, 403, 429 or 503 with a body for the user.
bool auth_start(const struct gateway *gateway, const struct endpoint_loop *loop, const struct http_request *request,
                struct http_answer *answer);

#endif
