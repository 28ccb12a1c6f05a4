// A real posternd on a temporary data directory, and what a benchmark needs in it.
//
// Threads: one.
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include "load.h"
#include "options.h"
#include "process.h"

enum { DAEMON_TOKEN_MAX = 256 };

struct daemon {
    char program[PROCESS_PATH_MAX];
    char dir[88]; // so short that a socket in it has a valid address
    char data[112];
    char url[120];
    char log[112]; // what posternd says
    struct process process;
};

// Finds the program and makes the directory; starts nothing. False: printed on stderr.
bool daemon_prepare(const struct options *options, struct daemon *out);
// Returns at once: whether it serves, a first call shows. False: printed on stderr.
bool daemon_start(struct daemon *daemon);
// Clean stop. False when it did not end with exit status 0; printed on stderr, and its log is kept.
bool daemon_stop(struct daemon *daemon);
// Ends it if it runs; removes the directory when `succeeded`, else says where its log is. NULL-safe members.
void daemon_clean_up(struct daemon *daemon, bool succeeded);

// A call that must be answered OK. False: printed on stderr, with `what`.
bool daemon_must(nng_socket socket, nng_msg *request, const char *what);
// Creates a key and gives its token. False: printed on stderr.
bool daemon_create(nng_socket socket, const char *account, char token[DAEMON_TOKEN_MAX + 1]);
// The token of a reply to Create; false when there is none.
bool daemon_read_token(const uint8_t *reply, size_t size, char token[DAEMON_TOKEN_MAX + 1]);

#endif
