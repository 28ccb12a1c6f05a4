// Callers that wait for each answer before they ask again: one, or many threads.
//
// Threads: caller_run from one; a kind's functions from all that it starts.
#ifndef BENCH_CALLER_H
#define BENCH_CALLER_H

#include "load.h"

// What is asked, and where. Each kind uses what it needs.
struct caller_target {
    const char *url; // of Redis: the socket's path
    const char *token;
    const char *scope;
};

// A way to ask. A line is a connection, or what stands for one.
struct caller_kind {
    const char *name;
    bool shared; // one line serves all threads; else each has its own
    // NULL: `failure` says why.
    void *(*open)(const struct caller_target *target, char failure[WIRE_TEXT_MAX]);
    // One question; true when the answer was the one that is expected, else `failure` says what came.
    bool (*ask)(void *line, char failure[WIRE_TEXT_MAX]);
    void (*close)(void *line);
};

extern const struct caller_kind caller_echo;    // a plain REQ socket and the echo server
extern const struct caller_kind caller_postern; // libpostern: one handle
extern const struct caller_kind caller_redis;   // hiredis: EVALSHA of the same decision

// Finds a kind by its name; NULL when there is none.
const struct caller_kind *caller_find(const char *name);

struct caller_plan {
    const struct caller_kind *kind;
    struct caller_target target;
    unsigned threads;
    double seconds;               // each thread makes at least one call
    void (*ready)(void *context); // called when every line has answered once, before it begins; may be NULL
    void *context;
};

// A thread ends at its first failed call. False: could not begin; printed on stderr.
bool caller_run(const struct caller_plan *plan, struct load_result *result);

#endif
