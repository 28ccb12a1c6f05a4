// One thread that receives requests, asks posternd and answers, without ever waiting for one of them.
#ifndef GATEWAY_LOOP_H
#define GATEWAY_LOOP_H

#include "exchange.h"

struct loop;

// Takes connections from the listening socket, which stays the caller's. `hand_over` as in exchange_home. NULL when it
// cannot; then it has logged why.
struct loop *loop_start(const struct gateway *gateway, int listener,
                        void (*hand_over)(void *context, struct exchange *exchange), void *context);
// Takes no more connections, answers what has come, at most for some seconds what comes slowly, and ends. NULL-safe.
void loop_stop(struct loop *loop);

#endif
