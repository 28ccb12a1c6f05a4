// What posternd counts, for Prometheus.
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "gateway.h"

// GET /metrics, with the key of an operator: Prometheus sends it as `authorization: credentials_file`.
void metrics_answer(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);

#endif
