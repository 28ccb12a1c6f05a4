// VerifyBatch: up to 64 Verifys in one request, each decided by itself, one after the other.
#include "rpc/batch.h"
#include "rpc/handler.h"

struct one_by_one {
    struct batch batch;
    struct authorizer_call ask; // of the one that is being decided
};

static void resume(struct authorizer_call *ask, enum status status);

static bool begin_item(struct one_by_one *work)
{
    struct batch *batch = &work->batch;
    struct call *call = batch->call;
    arena_reset(batch->scratch);
    work->ask =
        (struct authorizer_call){.arena = batch->scratch, .view = call->view, .resume = resume, .context = work};
    return handler_verify_ask(call, batch->scratch, call->request->verify_batch->calls[batch->next], &work->ask);
}

static bool add_late(struct batch *batch)
{
    struct status_note note = {.field = ""};
    enum status status = status_fail(&note, STATUS_DEADLINE_EXCEEDED, NULL, "not decided within %u ms: nothing charged",
                                     batch->call->request->timeout_ms);
    return batch_add_failure(batch, status, &note);
}

static bool settle_item(struct one_by_one *work)
{
    if (work->ask.status != STATUS_OK)
        return batch_add_failure(&work->batch, work->ask.status, &work->ask.note);
    return batch_add_decision(&work->batch, &work->ask.decision);
}

// Decides and answers those that are left. After CALL_PENDING the batch belongs to `resume`.
static enum call_progress go_on(struct one_by_one *work)
{
    struct batch *batch = &work->batch;
    struct call *call = batch->call;
    bool has_memory = true;
    while (has_memory && batch->next < call->request->verify_batch->n_calls) {
        if (batch->next > 0 && call_is_late(call)) {
            has_memory = add_late(batch);
            continue;
        }
        has_memory = begin_item(work);
        if (has_memory && authorizer_decide(call->server->authorizer, &work->ask) == AUTHORIZER_WAITING)
            return CALL_PENDING;
        has_memory = has_memory && settle_item(work);
    }
    return has_memory ? batch_finish(batch) : batch_fail_memory(batch);
}

// On the meters' writer thread. Nobody else holds the call now.
static void resume(struct authorizer_call *ask, enum status status)
{
    struct one_by_one *work = ask->context;
    struct call *call = work->batch.call;
    bool has_memory = true;
    if (status != STATUS_OK) {
        struct status_note note = {.field = ""};
        status = status_fail(&note, status, NULL,
                             "the meters cannot be written now (disk failing, or full?); nothing was charged: retry, "
                             "and look at the log of posternd if it lasts");
        has_memory = batch_add_failure(&work->batch, status, &note);
    } else if (call_is_late(call)) {
        has_memory = add_late(&work->batch);
    } else {
        if (authorizer_decide(call->server->authorizer, ask) == AUTHORIZER_WAITING)
            return;
        has_memory = settle_item(work);
    }
    if (!has_memory)
        (void)batch_fail_memory(&work->batch);
    else if (go_on(work) == CALL_PENDING)
        return;
    call->finish(call);
}

enum call_progress handler_verify_batch(struct call *call)
{
    const Postern__V1__VerifyBatchRequest *request = call->request->verify_batch;
    if (request->n_calls == 0)
        return call_fail_member(call, "calls", "is empty: give at least one Verify");
    if (request->atomic)
        return handler_verify_together(call);
    struct one_by_one *work = arena_array(call->arena, 1, sizeof *work);
    return work != NULL && batch_init(&work->batch, call) ? go_on(work) : call_fail_memory(call);
}
