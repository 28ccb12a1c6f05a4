// The gateway's own paths: one table of which handler answers what.
#ifndef GATEWAY_ENDPOINT_H
#define GATEWAY_ENDPOINT_H

#include "gateway.h"

struct endpoint {
    const char *method; // "GET" answers HEAD, too; "*" all
    const char *path;   // a pattern, as in path.h
    // Answers a request that came as a whole. Threads: many at once.
    void (*handle)(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
};

// Answers a request by the table, or says that there is nothing there (404), not for this method (405), or that the
// path has two meanings (400).
void endpoint_serve(const struct gateway *gateway, struct http_request *request, struct http_answer *answer);

#endif
