// The wire: listeners, workers, codec, routes, authority and handlers. Bytes in, bytes out.
//
// A request's walk: listener (a worker: one nng context, one aio) -> codec (decode inside an arena, check bounds) ->
// route (const table: call -> authority -> handler) -> handler (wire fields to plain structs) -> authorizer or registry
// -> codec -> bytes. Owns: sockets, workers, arenas of requests. Threads: rpc_open and rpc_close from main; handlers
// run in nng's callback threads and never block; replies of changes are sent from a store's writer thread.
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include "authorizer/authorizer.h"
#include "registry/registry.h"

struct rpc;

// The ceiling of a listener: the most that a peer may be there, whoever he is and whatever credential he sends;
// ordered.
enum rpc_authority { RPC_ANYONE, RPC_VERIFIER, RPC_ACCOUNT_ADMIN, RPC_OPERATOR };

struct rpc_listener {
    const char *url;
    enum rpc_authority ceiling;
};

struct rpc_options {
    const struct rpc_listener *listeners;
    size_t listener_count;
    const uint32_t *operator_uids; // beside root and the daemon's own
    size_t operator_uid_count;
    unsigned contexts;
    unsigned max_connections;
    unsigned socket_mode;
    bool allow_plain_tcp; // beyond loopback
    struct registry *registry;
    struct authorizer *authorizer;
    struct secret *secret; // page tokens
    struct clock *clock;
    const struct log *log;
};

// Serves when it returns OK. UNAVAILABLE (an address cannot be used; the note names it and says why and what to do),
// INVALID_ARGUMENT (a URL that is not offered).
STATUS_MUST_CHECK enum status rpc_open(const struct rpc_options *options, struct rpc **out, struct status_note *note);
// Drains: refuses new calls with UNAVAILABLE, waits for those in flight, closes the sockets. NULL-safe.
void rpc_close(struct rpc *rpc);

#endif
