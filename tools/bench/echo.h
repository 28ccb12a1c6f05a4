// The yardstick: a bare nng REP server that answers every request with the same bytes. It runs in a process of its own.
//
// Threads: echo_serve has the process to itself.
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

// Hidden subcommand of postern-bench: ECHO_COMMAND URL FILE CONTEXTS, where FILE holds the reply.
#define ECHO_COMMAND "echo-server"

// Serves until it is killed, or its parent dies.
int echo_serve(int argc, char *const argv[]);

#endif
