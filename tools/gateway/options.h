// What the command line and the file ask for.
//
// Precedence: flags over file over defaults. The file is YAML; docs/gateway.md lists every option.
// Threads: read-only after options_read.
#ifndef GATEWAY_OPTIONS_H
#define GATEWAY_OPTIONS_H

#include "address.h"
#include "log.h"
#include "route.h"

enum {
    OPTIONS_TEXT_SIZE = 256,
    OPTIONS_TRUSTED_MAX = 64,
};

// The form of bodies of refusals.
enum options_error_body { OPTIONS_BODY_TEXT, OPTIONS_BODY_OBJECT, OPTIONS_BODY_PROBLEM };

struct options {
    char url[OPTIONS_TEXT_SIZE]; // of posternd; empty: what libpostern finds in the environment
    char listen[OPTIONS_TEXT_SIZE];
    struct sockaddr_storage listen_address;
    uint32_t threads;     // that serve
    uint32_t workers;     // that wait for posternd
    uint32_t connections; // at once
    uint32_t timeout_ms;  // of a call to posternd
    uint32_t idle_s;      // after which a silent connection is closed
    enum log_level log_level;
    char key_header[OPTIONS_TEXT_SIZE];     // that has the user's token
    char address_header[OPTIONS_TEXT_SIZE]; // that has the user's address, from trusted proxies
    char uri_header[OPTIONS_TEXT_SIZE];     // that have the target and method of the user's request; empty: as the
    char method_header[OPTIONS_TEXT_SIZE];  // kind of proxy has it
    struct address_network trusted[OPTIONS_TRUSTED_MAX];
    size_t trusted_count;
    bool ask_headers; // the proxy may ask by headers, and overwrites what users send of them
    bool nginx;       // every proxy is an nginx
    bool allow_when_unavailable;
    enum options_error_body error_body;
    struct route *routes; // in the order of the file
    size_t route_count;
    struct pool *memory; // of the routes
};

enum options_action { OPTIONS_RUN, OPTIONS_MISUSED };

// Reads argv and the file that it names; help and version end the process. OPTIONS_MISUSED: it has said on stderr what
// was wrong, where, and what to do next.
enum options_action options_read(int argc, char **argv, struct options *options);
void options_wipe(struct options *options);

#endif
