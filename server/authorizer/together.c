// Several calls as one decision. Keys first, all in one snapshot; then, when nothing is refused, all limits at once.
#include "authorizer/charge.h"
#include "authorizer/judge.h"
#include "authorizer/load.h"

static void wake(struct limit_waiter *waiter, enum status status)
{
    struct authorizer_batch *batch =
        (struct authorizer_batch *)(void *)((char *)waiter - offsetof(struct authorizer_batch, waiter));
    batch->resume(batch, status);
}

static bool is_allowed(const struct authorizer_call *call)
{
    return call->status == STATUS_OK && call->decision.reason == REASON_ALLOWED;
}

static void find_refused(struct authorizer_batch *batch)
{
    size_t n = 0;
    while (n < batch->call_count && is_allowed(&batch->calls[n]))
        n++;
    batch->refused = n < batch->call_count ? n + 1 : 0;
}

// --- keys

static void judge_one(struct authorizer *a, struct authorizer_call *call, struct limit_call *ask)
{
    struct registry_tier tier = {0};
    if (call->scratch != NULL)
        arena_reset(call->scratch);
    call->status = judge_call(a, call, &tier);
    if (is_allowed(call))
        call->status = charge_prepare(call, &tier, ask);
}

static enum status judge_all(struct authorizer *a, struct authorizer_batch *batch, struct limit_call *asks)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < batch->call_count && status == STATUS_OK; i++) {
        struct authorizer_call *call = &batch->calls[i];
        judge_begin(call);
        call->scratch = batch->scratch;
        status = judge_seq(a, call);
        if (status != STATUS_OK)
            batch->note = call->note;
    }
    if (status != STATUS_OK)
        return status;
    status = store_view_begin(batch->calls[0].view);
    if (status != STATUS_OK)
        return status_fail(&batch->note, status, NULL, "the registry cannot be read now");
    for (size_t i = 0; i < batch->call_count; i++)
        judge_one(a, &batch->calls[i], &asks[i]);
    store_view_end(batch->calls[0].view);
    find_refused(batch);
    return STATUS_OK;
}

// --- limits

struct limits {
    struct limit_call *asks; // one for each call
    struct limit_answer *answers;
};

// False: a call has failed.
static bool load(struct authorizer *a, struct authorizer_batch *batch, const struct limits *limits)
{
    bool loaded = true;
    for (size_t i = 0; i < batch->call_count; i++) {
        struct authorizer_call *call = &batch->calls[i];
        if (limits->answers[i].absent_count > 0)
            call->status = load_absent(a, call, &limits->asks[i], &limits->answers[i]);
        loaded = loaded && call->status == STATUS_OK;
    }
    return loaded;
}

// After LIMIT_WAIT the batch, and all that it points to, may already be somebody else's.
static enum limit_verdict ask_limits(struct authorizer *a, struct authorizer_batch *batch, const struct limits *limits)
{
    for (unsigned loads = 0;; loads++) {
        enum limit_verdict verdict =
            limit_decide(a->limits, limits->asks, batch->call_count, &batch->waiter, limits->answers);
        if (verdict == LIMIT_WAIT) {
            flush_request(a);
            return verdict;
        }
        if (limits->answers[0].write_wanted)
            flush_request(a);
        if (verdict != LIMIT_ABSENT || loads == CHARGE_LOADS_MAX || !load(a, batch, limits))
            return verdict;
    }
}

static enum status settle(struct authorizer *a, struct authorizer_batch *batch, const struct limits *limits,
                          enum limit_verdict verdict)
{
    find_refused(batch); // a meter could not be loaded
    if (batch->refused != 0)
        return STATUS_OK;
    if (verdict == LIMIT_ABSENT)
        return status_fail(&batch->note, STATUS_UNAVAILABLE, NULL, "meters are being evicted too fast: retry");
    if (verdict == LIMIT_NO_MEMORY)
        return status_fail(&batch->note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
    for (size_t i = 0; i < batch->call_count; i++)
        if (limits->answers[i].verdict != LIMIT_WAIT) // else another call's failure ended the decision
            batch->calls[i].status = charge_conclude(a, &batch->calls[i], &limits->asks[i], &limits->answers[i]);
    find_refused(batch);
    return STATUS_OK;
}

// --- the recipe

static enum authorizer_progress decide(struct authorizer *a, struct authorizer_batch *batch)
{
    arena_reset(batch->arena);
    batch->note = (struct status_note){.message = ""};
    batch->refused = 0;
    batch->waiter.wake = wake; // `next` is the table's
    struct limits limits = {
        .asks = arena_array(batch->arena, batch->call_count, sizeof *limits.asks),
        .answers = arena_array(batch->arena, batch->call_count, sizeof *limits.answers),
    };
    if (limits.asks == NULL || limits.answers == NULL) {
        batch->status = status_fail(&batch->note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
        return AUTHORIZER_DONE;
    }
    batch->status = judge_all(a, batch, limits.asks);
    if (batch->status != STATUS_OK || batch->refused != 0)
        return AUTHORIZER_DONE;
    enum limit_verdict verdict = ask_limits(a, batch, &limits);
    if (verdict == LIMIT_WAIT)
        return AUTHORIZER_WAITING;
    batch->status = settle(a, batch, &limits, verdict);
    return AUTHORIZER_DONE;
}

// What would have been allowed was neither charged nor answered.
static void note_all(struct authorizer *a, const struct authorizer_batch *batch)
{
    for (size_t i = 0; i < batch->call_count && batch->status == STATUS_OK; i++)
        if (batch->refused == 0 || !is_allowed(&batch->calls[i]))
            note_decision(a, &batch->calls[i]);
}

enum authorizer_progress authorizer_decide_all(struct authorizer *a, struct authorizer_batch *batch)
{
    fence_note_use(a);
    enum authorizer_progress progress = decide(a, batch);
    if (progress == AUTHORIZER_DONE)
        note_all(a, batch);
    return progress;
}
