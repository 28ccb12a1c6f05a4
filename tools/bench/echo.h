// The yardstick: a bare nng REQ/REP pair as anyone would write it. The server, a REP socket with contexts in a process
// of its own, sends each request back as it came; its clients are load.h's contexts, or caller_echo's plain socket.
//
// Threads: echo_serve has the process to itself; the rest as load.h and caller.h say.
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include "load.h"
#include "process.h"

// Hidden subcommand of postern-bench: ECHO_COMMAND URL CONTEXTS.
#define ECHO_COMMAND "echo-server"

enum { ECHO_SIZE = 120 }; // bytes of a message; about a Verify's request and reply

struct echo {
    struct process process;
    char url[120];
};

// Serves until it is killed, or its parent dies.
int echo_serve(int argc, char *const argv[]);

// Returns when it serves. False: printed on stderr.
bool echo_start(struct echo *echo, const char *dir, unsigned contexts, const char *log_path);

// For a struct load_plan.
nng_msg *echo_make(void *context, uint64_t n);
bool echo_check(void *context, uint64_t n, const uint8_t *reply, size_t size);

#endif
