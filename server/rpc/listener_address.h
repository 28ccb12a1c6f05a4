// Room-private: which addresses are offered, and what may be at an ipc path before we listen there. Knows no nng.
#ifndef RPC_LISTENER_ADDRESS_H
#define RPC_LISTENER_ADDRESS_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum listener_kind { LISTENER_IPC, LISTENER_TCP, LISTENER_INPROC };

enum { LISTENER_URL_SIZE = 256, LISTENER_PATH_MAX = 107 }; // sun_path without its NUL

struct listener_address {
    enum listener_kind kind;
    char url[LISTENER_URL_SIZE];
    char probe_url[LISTENER_URL_SIZE]; // where this machine reaches it
    uint16_t port;                     // tcp
};

// The path of an ipc address; points into it.
const char *listener_address_path(const struct listener_address *address);

// INVALID_ARGUMENT: not offered; the note says what is.
STATUS_MUST_CHECK enum status listener_address_parse(const char *url, bool allow_plain_tcp,
                                                     struct listener_address *out, struct status_note *note);
// Before listening on an ipc address: what is there must be nothing, or a socket that nobody serves any more. nng would
// delete a regular file, and take the address away from a living program. UNAVAILABLE.
STATUS_MUST_CHECK enum status listener_address_is_free(const struct listener_address *address,
                                                       struct status_note *note);

#endif
