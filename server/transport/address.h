// Room-private: parses the addresses to listen on, and checks what is at an ipc path before that. Knows no nng.
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

// Returns the path of an ipc address, which points into it.
const char *address_path(const struct address *address);

// Errors: INVALID_ARGUMENT when such an address is not offered; the failure says which are.
STATUS_MUST_CHECK enum status address_parse(const char *url, bool allow_plain_tcp, struct address *out,
                                            struct status_failure *failure);
// Makes an ipc address ready for listening. Its directory is made (0750, of `group` unless that is NULL) when only that
// is missing. The path must be free, or a socket that nobody serves any more: nng would delete a regular file, and take
// the address away from a living program.
// Errors: UNAVAILABLE when the directory cannot be made, or the path is taken.
STATUS_MUST_CHECK enum status address_prepare(const struct address *address, const gid_t *group,
                                              struct status_failure *failure);

#endif
