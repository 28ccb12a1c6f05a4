// What the command line and the file ask for.
//
// Precedence: flags over file over defaults. The file is YAML; docs/gateway.md lists every option.
// Threads: read-only after options_read.
#ifndef GATEWAY_OPTIONS_H
#define GATEWAY_OPTIONS_H

#include "log.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { OPTIONS_TEXT_SIZE = 256 };

struct options {
    char url[OPTIONS_TEXT_SIZE]; // of posternd; empty: what libpostern finds in the environment
    char listen[OPTIONS_TEXT_SIZE];
    struct sockaddr_storage listen_address;
    uint32_t threads;
    uint32_t connections; // at once
    uint32_t timeout_ms;  // of a call to posternd
    uint32_t idle_s;      // after which a silent connection is closed
    enum log_level log_level;
};

enum options_action { OPTIONS_RUN, OPTIONS_MISUSED };

// Reads argv and the file that it names; help and version end the process. OPTIONS_MISUSED: it has said on stderr what
// was wrong, where, and what to do next.
enum options_action options_read(int argc, char **argv, struct options *options);

#endif
