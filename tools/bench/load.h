// The load generator: keeps a fixed number of calls outstanding and checks and times every reply.
//
// Threads: load_run and load_ask from one thread; `make` and `check` are called from nng's threads, several at once.
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <nng/nng.h>
#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "process.h"
#include "wire.h"

struct load_plan {
    const char *url;
    struct process *server; // at `url`
    unsigned connections;
    unsigned outstanding;                        // over all connections together
    uint64_t calls;                              // stop after so many; 0 = by time
    double seconds;                              // every lane makes at least one call
    nng_msg *(*make)(void *context, uint64_t n); // the n-th request; NULL = memory is out
    bool (*check)(void *context, uint64_t n, const uint8_t *reply, size_t size);
    void *context;
};

struct load_result {
    uint64_t answered; // and checked
    uint64_t failed;   // not sent, not answered, or the check failed
    double seconds;
    struct histogram latency;    // of the answered
    char failure[WIRE_TEXT_MAX]; // of the first failed
};

// False: could not even connect; printed on stderr.
bool load_run(const struct load_plan *plan, struct load_result *result);
// False, and a line on stderr, when calls failed.
bool load_is_clean(const char *what, const struct load_result *result);

// A REQ socket connected to the server; tries until it listens, ends or 300 s are over; without `server`, which serves
// already, 60 s. False: printed on stderr.
bool load_connect(const char *url, struct process *server, nng_socket *out);
// One call: takes the request, returns the reply's message for the caller to free; NULL: printed on stderr.
nng_msg *load_ask(nng_socket socket, nng_msg *request);

#endif
