// Room-private: which addresses are offered, and what may be at an ipc path before we listen there. Knows no nng.
#ifndef TRANSPORT_ADDRESS_H
#define TRANSPORT_ADDRESS_H

#include "base/status.h"

#include <stdbool.h>
#include <sys/types.h>

enum address_kind { ADDRESS_IPC, ADDRESS_TCP, ADDRESS_TLS };

enum { ADDRESS_URL_SIZE = 256, ADDRESS_PATH_MAX = 107 }; // sun_path without its NUL

struct address {
    enum address_kind kind;
    char url[ADDRESS_URL_SIZE];
};

// The path of an ipc address; points into it.
const char *address_path(const struct address *address);

// INVALID_ARGUMENT: not offered; the note says what is.
STATUS_MUST_CHECK enum status address_parse(const char *url, bool allow_plain_tcp, struct address *out,
                                            struct status_note *note);
// Before listening on an ipc address: its directory is made (0750, of `group` unless that is NULL) when only that is
// missing, and what is at the path must be nothing, or a socket that nobody serves any more: nng would delete a regular
// file, and take the address away from a living program. UNAVAILABLE.
STATUS_MUST_CHECK enum status address_prepare(const struct address *address, const gid_t *group,
                                              struct status_note *note);

#endif
