// What all threads of the gateway share, read-only from the start on.
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "http.h"
#include "log.h"
#include "options.h"

#include <postern/postern.h>

struct gateway {
    struct options options;
    struct postern *client; // one handle, and so one connection, for all threads
    struct log log;
};

#endif
