// The gateway's own paths: one table of which handler answers what.
#ifndef GATEWAY_ENDPOINT_H
#define GATEWAY_ENDPOINT_H

#include "gateway.h"

// Where a handler that does not wait finds itself.
struct endpoint_loop {
    struct postern *client;       // for calls that are started
    void (*go_on)(void *context); // to call when the answer is there
    void *context;
};

// One of `handle` and `start`. Threads: both are called by many at once.
struct endpoint {
    const char *method; // "GET" answers HEAD, too; "*" all
    const char *path;   // a pattern, as in path.h
    // Answers; it may wait for posternd (gateway->client).
    void (*handle)(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer);
    // Answers without waiting. True: the answer is there. False: a call of the loop's client was started, at whose end
    // it calls go_on.
    bool (*start)(const struct gateway *gateway, const struct endpoint_loop *loop, const struct http_request *request,
                  struct http_answer *answer);
};

// Finds the row for a request. NULL: the answer says that there is nothing there (404), not for this method (405), or
// that the path has two meanings (400).
const struct endpoint *endpoint_find(struct http_request *request, struct http_answer *answer);

#endif
