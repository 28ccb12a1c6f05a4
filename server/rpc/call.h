// Room-private: one request while it is handled. Knows nothing of sockets.
//
// rpc.c fills in the head of a struct call and calls route_serve with the request's bytes. After CALL_DONE the reply is
// in `reply`, or packed already in `packed`. After CALL_PENDING the call belongs to another thread, which calls
// `finish`, possibly before route_serve has returned.
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include "postern.pb-c.h"
#include "registry/registry.h"
#include "rpc/rpc.h"

#include <stdatomic.h>

enum {
    CALL_REQUEST_MAX = 65536 - 4, // without the 4 bytes of the req/rep protocol
    CALL_REPLY_MAX = 1024 * 1024,
    CALL_DECODE_BUDGET = 256 * 1024,
    CALL_DECODE_MAX = 1024 * 1024, // an import of 64 keys with all lists full takes 832 KiB
    CALL_BUDGET = 2 * 1024 * 1024,
    CALL_LIST_BUDGET = 16 * 1024 * 1024, // 500 records of many small parts take 9 MiB before they are packed
    CALL_OVERLOADED_RETRY_MS = 100,      // when to ask again while the daemon has too much to do
    CALL_FIELD_PATH_SIZE = 256,
    CALL_CALLER_NAME_SIZE = 128 // "tls:" and a subject of at most RPC_SUBJECT_MAX bytes
};

enum call_progress { CALL_DONE, CALL_PENDING };

// The uids that are operators over ipc, beside root and the daemon's own user.
struct call_operators {
    struct call_operators *older; // the lists before this one; calls may still read them
    size_t count;
    uint32_t uids[];
};

// What all calls share. Only atomic members change.
struct call_server {
    struct registry *registry;
    struct authorizer *authorizer;
    struct meter_cache *meters;
    struct usage *usage; // NULL: none is kept
    struct secret *secret;
    struct zone_table *zones; // NULL: there are none by name
    struct clock *clock;
    const struct log *log;
    _Atomic(struct call_operators *) operators; // replaced as a whole
    const struct rpc_tls_peer *tls_peers;
    size_t tls_peer_count;
    uint32_t own_uid;
    uint64_t opened_ms;
    struct transport *transport;  // for Stats
    struct call_queue *queue;     // of costly calls; NULL: they are handled at once
    struct call_watch *watch;     // of calls that wait for a change; NULL: none does
    atomic_uint_fast64_t expired; // calls whose timeout had passed before they were begun
    struct durations decision_time;
    _Atomic uint32_t access_log;         // as rpc_log_decisions has it
    atomic_uint_fast64_t allowed_number; // of the calls that it may log
    atomic_bool draining;                // new calls are refused
};

// The caller, by its connection and credential.
struct call_caller {
    unsigned granted;                              // enum authority, or'ed: by uid or credential
    unsigned authorities;                          // what the listener's ceiling leaves of it
    const struct registry_key *key;                // the credential's, in arena memory; NULL without one
    struct slice account;                          // the key's
    const struct registry_account *account_record; // its record; NULL without a key
    char name[CALL_CALLER_NAME_SIZE];              // "uid:1000", "tls:CN=billing", "ip:192.0.2.7" or a key id
};

// Which call is handled by whom, and what it takes to make it: a row of route.c, the one table of calls.
struct call;
enum route_mark {
    ROUTE_CHANGES = 1, // it changes the registry: it needs a request_id
    ROUTE_COSTLY = 2,  // it may take longer than a decision: it waits in the queue
    ROUTE_DECIDES = 4  // it is a decision: some are timed
};
struct route {
    const char *name;                                // of the member of Request.call
    unsigned needs;                                  // any one of these (enum authority); a handler may ask for more
    unsigned marks;                                  // enum route_mark, or'ed
    enum call_progress (*handle)(struct call *call); // NULL: this server does not offer the call
    enum registry_record_kind kind;                  // which one of several it is about; 0: the handler knows
};

// Of a call that waits for a change (watch.h).
struct call_wait {
    unsigned tries;    // how often it has looked at the registry
    uint64_t seen_seq; // the newest change when it looked last
    uint64_t rest_ms;  // when it may look again; these two are in daemon time
    uint64_t until_ms; // when it is answered without a change
};

struct call {
    // in
    struct call_server *server;
    struct arena *arena;    // with CALL_BUDGET
    struct store_txn *view; // of the registry, not begun
    const struct transport_peer *peer;
    enum rpc_ceiling ceiling; // of the address that the peer has connected to
    uint64_t received_ms;     // by clock_boot_ms
    void (*finish)(struct call *call);
    bool (*is_gone)(struct call *call); // will nobody read the reply?
    struct call *next;                  // in the queue, or among those that wait
    bool has_share;                     // of the queue
    struct call_wait wait;
    // while it is handled
    Postern__V1__Request *request;
    const struct route *route;
    struct call_caller caller;
    struct status_failure failure; // the text of a failed status
    const char *status_reason;     // its word for programs (Status.reason), or NULL
    uint32_t retry_after_ms;       // when to ask again, or 0
    // out
    Postern__V1__Status status;
    Postern__V1__Reply reply;
    struct slice packed; // when not empty: the reply's bytes, in arena memory
};

// --- access.c

// Returns the id of the trace that the caller's request is part of, from its traceparent; empty without one.
struct slice call_trace_id(const struct call *call);

// --- route.c

// Returns NULL for anything that is no call of this version.
const struct route *route_find(Postern__V1__Request__CallCase which);
// Takes a call from its bytes to its handler, or to a failure.
enum call_progress route_serve(struct call *call, struct slice bytes);
// Refuses a call without a look at it, because there is no room for it; needs neither arena nor view. Always CALL_DONE;
// the reply points into `bytes`.
enum call_progress route_refuse_overloaded(struct call *call, struct slice bytes);

// --- call.c

// Turns the reply into a failure; always CALL_DONE, so that a handler fails in one line. `field` is a full path or
// NULL.
enum call_progress call_fail(struct call *call, enum status status, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
// Does the same with what call->failure already says.
enum call_progress call_fail_status(struct call *call, enum status status);
// Does the same with a failure of another room, whose field is relative to the call ("account" -> "create.account").
enum call_progress call_fail_failure(struct call *call, enum status status, const struct status_failure *failure);
// Fails with RESOURCE_EXHAUSTED, because the arena is out.
enum call_progress call_fail_memory(struct call *call);
// Fails with INVALID_ARGUMENT for a member of the call: "create.account", "is missing: …".
enum call_progress call_fail_member(struct call *call, const char *member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Returns the member of that name of the call's own message; NULL when the message has none.
void *call_member(const struct call *call, const char *name);
// Makes an empty result of this call, as the result of `reply`; NULL when the arena is out.
void *call_result_new(const struct call *call, struct arena *arena, Postern__V1__Reply *reply);
// Returns how many bytes the finished reply takes; one beyond CALL_REPLY_MAX becomes a failure. call_reply_write fills
// them.
size_t call_reply_size(struct call *call);
void call_reply_write(const struct call *call, uint8_t *out);
// Fills the envelope of a reply that is about to be packed.
void call_stamp(const struct call *call, Postern__V1__Reply *reply);
// Has the caller's timeout passed?
bool call_is_late(const struct call *call);
// Refuses a call that is late before it is handled; always CALL_DONE.
enum call_progress call_refuse_late(struct call *call);
// Says so: the one failure of a call that is late, before it is begun or while it waits.
// Errors: DEADLINE_EXCEEDED, always.
STATUS_MUST_CHECK enum status call_fail_late_as(const struct call *call, struct status_failure *failure);
// Writes the full path of a failure's field, which is relative to `part` of the call ("calls[3]."; "" is the call
// itself). It is empty for a failure without a field. A call that is late fails by a field of the envelope, which stays
// as it is.
struct slice call_field_path(const struct call *call, const char *part, const struct status_failure *failure,
                             char out[CALL_FIELD_PATH_SIZE]);

#endif
