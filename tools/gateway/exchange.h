// A request on its way from libmicrohttpd to a handler, and the answer on its way back.
//
// Threads: an exchange belongs to the thread of its loop, and while it is suspended to whoever serves it.
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "endpoint.h"

#include <microhttpd.h>

struct exchange;

// What the exchanges of one loop share.
struct exchange_home {
    const struct gateway *gateway;
    struct postern *client; // an event loop's: for calls that are started
    // Hands an exchange to a thread that may wait, which calls exchange_run.
    void (*hand_over)(void *context, struct exchange *exchange);
    void *context;
    int alarm;        // an eventfd that wakes the loop
    bool has_resumed; // what was suspended can go on
    size_t count;     // of exchanges that have begun and not ended
    size_t suspended; // of these, those that somebody else is at work on
    bool is_stopping; // then each answer is its connection's last
};

// What libmicrohttpd calls, with the home as the context.
void *exchange_begin(void *context, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_take(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state);
void exchange_end(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why);

// Lets the handler answer, and the loop go on with it. `next` is free for lists meanwhile.
void exchange_run(struct exchange *exchange);
struct exchange **exchange_next(struct exchange *exchange);

#endif
