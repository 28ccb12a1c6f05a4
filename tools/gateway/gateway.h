// What all threads of the gateway share, read-only from the start on.
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "http.h"
#include "log.h"
#include "options.h"

#include <postern/postern.h>

struct gateway {
    struct options options;
    struct postern *client; // for calls that wait: one handle, and so one connection, for all threads
    struct log log;
    struct log_limit *failures; // of lines about requests
};

// How handles of posternd are opened: what cannot be asked fails at once.
static inline struct postern_options gateway_client_options(const struct gateway *gateway)
{
    const struct options *options = &gateway->options;
    return (struct postern_options){
        .url = options->url[0] != '\0' ? options->url : NULL, .timeout_ms = options->timeout_ms, .fail_fast = true};
}

#endif
