// Says whether the gateway can ask posternd.
#ifndef GATEWAY_HEALTH_H
#define GATEWAY_HEALTH_H

#include "gateway.h"

// GET /healthz: 200 while posternd serves, else 503. A request to /healthz?live asks nobody: the gateway is there.
void health_answer(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);

#endif
