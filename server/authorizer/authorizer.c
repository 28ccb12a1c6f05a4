// The recipe of a decision: facts from a snapshot, the rules, then all limits at once.
#include "authorizer/charge.h"
#include "authorizer/internal.h"
#include "authorizer/judge.h"

const char *const authorizer_tables[] = {[TABLE_METER] = "meter", [TABLE_CLOCK] = "clock", [TABLE_CUSTOM] = "custom"};
const size_t authorizer_table_count = sizeof authorizer_tables / sizeof authorizer_tables[0];

static void wake(struct limit_waiter *waiter, enum status status)
{
    struct authorizer_call *call =
        (struct authorizer_call *)(void *)((char *)waiter - offsetof(struct authorizer_call, waiter));
    call->resume(call, status);
}

// In a snapshot of the registry, which custom subjects do not need.
static enum status judge(struct authorizer *a, struct authorizer_call *call, struct registry_tier *tier)
{
    enum status status = judge_seq(a, call);
    if (status != STATUS_OK)
        return status;
    if (call->subject == AUTHORIZER_BY_CUSTOM) {
        call->decision.reason = REASON_ALLOWED;
        return STATUS_OK;
    }
    status = store_view_begin(call->view);
    if (status != STATUS_OK)
        return status;
    status = judge_call(a, call, tier);
    store_view_end(call->view);
    return status;
}

static enum authorizer_progress decide(struct authorizer *a, struct authorizer_call *call)
{
    struct registry_tier tier = {0};
    judge_begin(call);
    call->waiter.wake = wake; // `next` is the table's: whoever was woken comes before those who have not waited
    call->status = judge(a, call, &tier);
    if (call->status != STATUS_OK || call->decision.reason != REASON_ALLOWED) {
        return AUTHORIZER_DONE;
    }
    return charge_decide(a, call, &tier);
}

enum authorizer_progress authorizer_decide(struct authorizer *a, struct authorizer_call *call)
{
    fence_note_use(a);
    enum authorizer_progress progress = decide(a, call);
    // While it waits, the call may be somebody else's already; its last turn notes it.
    if (progress == AUTHORIZER_DONE)
        note_decision(a, call);
    return progress;
}

enum status authorizer_identify(struct authorizer *a, struct store_txn *view, struct arena *arena, struct slice token,
                                struct slice address, struct authorizer_identity *out)
{
    struct registry_tier tier = {0};
    struct authorizer_call *call = arena_array(arena, 1, sizeof *call);
    *out = (struct authorizer_identity){.reason = REASON_INVALID_API_KEY};
    fence_note_use(a);
    if (call == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    call->arena = arena;
    call->view = view;
    call->subject = AUTHORIZER_BY_TOKEN;
    call->question = (struct authorizer_question){.token = token, .remote_address = address, .secret_only = true};
    enum status status = store_view_begin(view);
    if (status != STATUS_OK)
        return status;
    status = judge_call(a, call, &tier);
    store_view_end(view);
    if (status != STATUS_OK)
        return status;
    note_identity(a, call);
    out->reason = call->decision.reason;
    out->key = call->decision.key;
    out->account = call->decision.account;
    return STATUS_OK;
}
