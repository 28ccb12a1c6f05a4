// Threads that may wait: they run the handlers which ask posternd and wait for the answer.
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include "exchange.h"

struct worker_pool;

// NULL when it cannot start `count` threads.
struct worker_pool *worker_start(unsigned count);
// Runs it soon. `context` is the pool. Threads: any.
void worker_add(void *context, struct exchange *exchange);
// Ends the threads; nothing is to be added any more, and nothing waits. NULL-safe.
void worker_stop(struct worker_pool *pool);

#endif
