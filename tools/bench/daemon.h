// A real posternd on the temporary directory, and what a benchmark needs in it.
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
    const char *dir;
    char data[112];
    char url[120];
    char log[112]; // what posternd says
    struct process process;
};

// Finds the program; its files go into options->dir. Starts nothing. False: printed on stderr.
bool daemon_prepare(const struct options *options, struct daemon *out);
// Returns at once: whether it serves, a first call shows. False: printed on stderr.
bool daemon_start(struct daemon *daemon);
// Clean stop. False when it did not end with exit status 0; printed on stderr.
bool daemon_stop(struct daemon *daemon);
// Ends it if it runs; unless `succeeded`, prints the end of its log.
void daemon_clean_up(struct daemon *daemon, bool succeeded);

// A call that must be answered OK. False: printed on stderr, with `what`.
bool daemon_must(nng_socket socket, nng_msg *request, const char *what);
// Creates a key that holds the scope (NULL: none) and gives its token. False: printed on stderr.
bool daemon_create(nng_socket socket, const char *account, const char *scope, char token[DAEMON_TOKEN_MAX + 1]);
// The token of a reply to Create; false when there is none.
bool daemon_read_token(const uint8_t *reply, size_t size, char token[DAEMON_TOKEN_MAX + 1]);

#endif
