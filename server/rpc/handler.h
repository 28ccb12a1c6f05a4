// Room-private: the handlers of route.c, and what several of them share. Each reads one member of Request.call, which
// has kept the wire's bounds (check.h), and fills call->reply.
#ifndef RPC_HANDLER_H
#define RPC_HANDLER_H

#include "rpc/call.h"

enum call_progress handler_verify(struct call *call);
enum call_progress handler_rate_check(struct call *call);
enum call_progress handler_create(struct call *call);
enum call_progress handler_get(struct call *call);
enum call_progress handler_list(struct call *call);
enum call_progress handler_revoke(struct call *call);
enum call_progress handler_put_account(struct call *call);
enum call_progress handler_put_tier(struct call *call);
enum call_progress handler_health(struct call *call);

// --- decisions (handler_decision.c)

struct handler_decision {
    struct authorizer_call ask;
    struct call *call;
    // Fills the reply; false when the arena is out.
    bool (*answer)(struct call *call, const struct authorizer_decision *decision);
};

// A decision in arena memory, with what both calls fill alike; NULL when the arena is out.
struct handler_decision *handler_decision_new(struct call *call, Postern__V1__Charge *const *charges,
                                              size_t charge_count);
// Asks the authorizer, again after each wait, and answers.
enum call_progress handler_decide(struct handler_decision *decision);

// --- changes (handler_change.c)

struct handler_change {
    struct registry_command command;
    struct call *call;
    // Fills the result; false when the arena is out.
    bool (*answer)(const struct handler_change *change, Postern__V1__Reply *reply);
};

// A change in arena memory, with caller, request_id, digest and randomness; NULL when the arena is out.
struct handler_change *handler_change_new(struct call *call, enum registry_command_kind kind);
// Always CALL_PENDING: the writer answers.
enum call_progress handler_submit(struct handler_change *change);

#endif
