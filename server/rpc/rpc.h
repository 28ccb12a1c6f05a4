// The wire: codec, routes, authority and handlers. A request's bytes in, a reply's bytes out.
//
// A request's walk: transport (bytes of one message, its peer, the way back) -> rpc.c (a call, its arena and view) ->
// route.c (decodes, finds the route, checks authority and bounds) -> handler (wire fields to plain structs) ->
// authorizer or registry -> call.c (packs the reply into the connection's output).
// Owns: the transport, calls and their arenas.
// Threads: rpc_open, rpc_reload, rpc_log_decisions and rpc_close from main; handlers run in the transport's threads and
// never block; replies to changes are made on a store's writer thread.
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include "authorizer/authorizer.h"
#include "meter/meter.h"
#include "registry/registry.h"
#include "transport/transport.h"
#include "usage/usage.h"

struct rpc;

// The ceiling of a listener: the most that any peer gets there, whatever credential it sends. The values are ordered.
enum rpc_ceiling { RPC_ANYONE, RPC_VERIFIER, RPC_ACCOUNT_ADMIN, RPC_OPERATOR };

struct rpc_listener {
    const char *url;
    enum rpc_ceiling ceiling;
};

enum { RPC_SUBJECT_MAX = 120 }; // bytes

// A peer with this verified certificate has this authority, just as a uid has one over ipc.
struct rpc_tls_peer {
    const char *subject;        // as RFC 2253 writes it, e.g. "CN=billing,O=Acme"; at most RPC_SUBJECT_MAX bytes
    enum rpc_ceiling authority; // RPC_VERIFIER or RPC_OPERATOR
};

struct rpc_options {
    const struct rpc_listener *listeners;
    size_t listener_count;
    const uint32_t *operator_uids; // beside root and the daemon's own
    size_t operator_uid_count;
    const struct rpc_tls_peer *tls_peers;
    size_t tls_peer_count;
    struct transport_options transport; // urls, request_max, clock, log, serve and context are filled in here
    struct registry *registry;
    struct authorizer *authorizer;
    struct meter_cache *meters; // for Health and Stats
    struct usage *usage;        // to read; NULL: none is kept
    struct secret *secret;      // page tokens
    struct zone_table *zones;   // those that accounts and tiers may have
    struct clock *clock;
    const struct log *log;
    uint32_t access_log; // as rpc_log_decisions has it
};

// Serves when it returns OK. The texts of the options must live as long as the room.
// Errors: as transport_open.
STATUS_MUST_CHECK enum status rpc_open(const struct rpc_options *options, struct rpc **out,
                                       struct status_failure *failure);
// Reads the certificates again, and takes other operators from now on. After an error the operators are as before.
// Errors: as transport_reload.
STATUS_MUST_CHECK enum status rpc_reload(struct rpc *rpc, const uint32_t *operator_uids, size_t count,
                                         struct status_failure *failure);
// Which decisions are logged from now on: none (RPC_LOG_NONE), those that are refused (RPC_LOG_REFUSALS), or, with any
// other number N, those and one of N that are allowed. Peeks are not.
#define RPC_LOG_NONE     0
#define RPC_LOG_REFUSALS UINT32_MAX
void rpc_log_decisions(struct rpc *rpc, uint32_t every);
enum { RPC_METRICS_MAX = 128 * 1024 };
// Writes all figures that Prometheus may want, in its text format. Returns how many bytes they take; 0: they do not
// fit, which is a bug. Any thread.
size_t rpc_metrics(struct rpc *rpc, char out[RPC_METRICS_MAX]);
// Refuses new calls with UNAVAILABLE, waits until the replies of those in flight have left, and closes. NULL-safe.
void rpc_close(struct rpc *rpc);

#endif
