#include "rpc/handler.h"
#include "rpc/wire.h"

static void settle(struct handler_decision *decision)
{
    struct call *call = decision->call;
    const struct authorizer_call *ask = &decision->ask;
    if (ask->status != STATUS_OK) {
        call_fail_note(call, ask->status, &ask->note);
        return;
    }
    call->reply.seq = ask->decision.seq;
    if (!decision->answer(call, &ask->decision))
        call_fail_memory(call);
}

// On the meters' writer thread. Nobody else holds the call now.
static void resume(struct authorizer_call *ask, enum status status)
{
    struct handler_decision *decision = ask->context;
    struct call *call = decision->call;
    if (status != STATUS_OK)
        call_fail(call, status, NULL, "the meters cannot be written now; nothing was charged");
    else if (call_is_late(call))
        call_fail(call, STATUS_DEADLINE_EXCEEDED, "timeout_ms",
                  "the meters were not written within %u ms; nothing was charged", call->request->timeout_ms);
    else if (authorizer_decide(call->server->authorizer, ask) == AUTHORIZER_WAITING)
        return;
    else
        settle(decision);
    call->finish(call);
}

struct handler_decision *handler_decision_new(struct call *call, Postern__V1__Charge *const *charges,
                                              size_t charge_count)
{
    struct handler_decision *decision = arena_array(call->arena, 1, sizeof *decision);
    if (decision == NULL)
        return NULL;
    struct authorizer_call *ask = &decision->ask;
    decision->call = call;
    ask->arena = call->arena;
    ask->view = call->view;
    ask->min_seq = call->request->min_seq;
    ask->resume = resume;
    ask->context = decision;
    ask->question.charge_count = charge_count;
    return wire_read_charges(call->arena, charges, charge_count, &ask->question.charges) ? decision : NULL;
}

enum call_progress handler_decide(struct handler_decision *decision)
{
    // After WAITING the decision may already be answered, on another thread.
    if (authorizer_decide(decision->call->server->authorizer, &decision->ask) == AUTHORIZER_WAITING)
        return CALL_PENDING;
    settle(decision);
    return CALL_DONE;
}
