// File and flags become one immutable struct.
//
// Precedence: flags over file over defaults. The file is YAML; docs/operations.md lists every option.
// Threads: read-only after config_load.
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/log.h"
#include "base/status.h"
#include "zone/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_LISTENERS_MAX = 8, CONFIG_OPERATORS_MAX = 32, CONFIG_TLS_PEERS_MAX = 32, CONFIG_SUBJECT_MAX = 120 };

// The ceiling of a listener: the most that its peers may be. The values are ordered.
enum config_ceiling { CONFIG_MAX_ANYONE, CONFIG_MAX_VERIFIER, CONFIG_MAX_ACCOUNT_ADMIN, CONFIG_MAX_OPERATOR };

struct config_listener {
    char url[256]; // without the ";max=" part
    enum config_ceiling ceiling;
};

// The authority of peers with a verified certificate of this subject.
struct config_tls_peer {
    char subject[CONFIG_SUBJECT_MAX + 1];
    enum config_ceiling authority; // verifier or operator
};

// Of access_log, where any other number N is: refusals, and one of N allowed calls.
#define CONFIG_ACCESS_OFF      0
#define CONFIG_ACCESS_REFUSALS UINT32_MAX

struct config {
    char data[256];    // directory
    char secrets[256]; // keyring file; default DATA/secrets/keyring
    struct config_listener listeners[CONFIG_LISTENERS_MAX];
    size_t listener_count;
    uint32_t operator_uids[CONFIG_OPERATORS_MAX]; // beside root and the daemon's own
    size_t operator_uid_count;
    char default_prefix[24];
    int32_t utc_offset_s;
    bool has_utc_offset;
    char time_zone[ZONE_NAME_MAX + 1]; // empty: utc_offset_s
    bool relaxed_durability;
    bool relaxed_on_store_failure;
    bool allow_plain_tcp; // tcp:// beyond loopback
    uint64_t registry_map_bytes;
    uint64_t meters_map_bytes;
    uint32_t usage_retention_days;
    uint32_t key_retention_days; // of dead keys; 0: for ever
    uint32_t idempotency_retention_minutes;
    uint32_t max_resident_meters; // in memory
    uint32_t max_custom_meters;   // of custom subjects, on disk; 0: no custom subjects
    uint32_t max_connections;     // per daemon
    uint32_t max_calls;           // in flight
    uint64_t connection_memory_bytes;
    uint32_t socket_mode;  // of ipc sockets, e.g. 0660
    char socket_group[64]; // empty: the daemon's own
    char tls_certificate[256];
    char tls_key[256];
    char tls_client_ca[256]; // empty: client certificates are not asked for
    bool tls_client_required;
    struct config_tls_peer tls_peers[CONFIG_TLS_PEERS_MAX];
    size_t tls_peer_count;
    enum log_level log_level;
    enum log_format log_format;
    uint32_t access_log;
    char metrics_file[256]; // empty: none
    bool inspect;           // --check DIR: inspect and exit
    bool reset_clock;       // --clear-clock: take the daemon's time back to the wall clock's and exit
};

enum config_action { CONFIG_RUN, CONFIG_EXIT_OK, CONFIG_MISUSED };

// Reads argv and the file that it names. CONFIG_EXIT_OK: it has printed the help or the version. CONFIG_MISUSED: it has
// printed the error on stderr, with the place (file and line) and what to do next.
enum config_action config_load(int argc, char *const argv[], struct config *out);

// Does `fresh` differ from the configuration in use in what a reload does not take over (all but what is logged and
// how, and the operator uids)?
bool config_needs_restart(const struct config *used, const struct config *fresh);

#endif
