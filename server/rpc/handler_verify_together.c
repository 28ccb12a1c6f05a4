// VerifyBatch with `atomic`: up to 64 Verifys as one decision.
#include <stdio.h>

#include "rpc/batch.h"
#include "rpc/handler.h"

// Measured with 64 of the largest keys: 1.3 MiB, and at most 0.9 MiB more for meters that are read from disk.
enum { FACTS_BYTES = 4 * 1024 * 1024 };

struct together {
    struct batch batch;
    struct authorizer_batch ask;
};

static enum call_progress give_up(struct together *work, enum status status, const struct status_note *note)
{
    arena_free(work->ask.arena);
    arena_free(work->batch.scratch);
    return call_fail_note(work->batch.call, status, note);
}

// --- answers

static bool add_uncharged(struct together *work)
{
    size_t n = work->ask.refused - 1;
    const struct authorizer_call *refused = &work->ask.calls[n];
    struct status_note note = {.field = ""};
    enum status status;
    if (refused->status != STATUS_OK)
        status = status_fail(&note, STATUS_ABORTED, NULL, "not charged: calls[%zu] failed (%s)", n,
                             status_name(refused->status));
    else
        status = status_fail(&note, STATUS_ABORTED, NULL, "not charged: calls[%zu] was refused (%s)", n,
                             reason_name(refused->decision.reason));
    return batch_add_failure(&work->batch, status, &note);
}

static bool add_answer(struct together *work, const struct authorizer_call *ask)
{
    arena_reset(work->batch.scratch);
    if (ask->status != STATUS_OK)
        return batch_add_failure(&work->batch, ask->status, &ask->note);
    if (work->ask.refused != 0 && ask->decision.reason == REASON_ALLOWED)
        return add_uncharged(work);
    return batch_add_decision(&work->batch, &ask->decision);
}

static enum call_progress settle(struct together *work)
{
    struct authorizer_batch *ask = &work->ask;
    if (ask->status != STATUS_OK)
        return give_up(work, ask->status, &ask->note);
    bool has_memory = true;
    for (size_t i = 0; i < ask->call_count && has_memory; i++)
        has_memory = add_answer(work, &ask->calls[i]);
    work->batch.call->reply.seq = ask->calls[0].decision.seq;
    arena_free(ask->arena);
    return has_memory ? batch_finish(&work->batch) : batch_fail_memory(&work->batch);
}

// --- the decision

// On the meters' writer thread. Nobody else holds the call now.
static void resume(struct authorizer_batch *ask, enum status status)
{
    struct together *work = ask->context;
    struct call *call = work->batch.call;
    struct status_note note = {.field = ""};
    if (status != STATUS_OK)
        (void)give_up(work,
                      status_fail(&note, status, NULL,
                                  "the meters cannot be written now (disk failing, or full?); nothing was charged: "
                                  "retry, and look at the log of posternd if it lasts"),
                      &note);
    else if (call_is_late(call))
        (void)give_up(work,
                      status_fail(&note, STATUS_DEADLINE_EXCEEDED, NULL,
                                  "the meters were not written within %u ms; nothing was charged",
                                  call->request->timeout_ms),
                      &note);
    else if (authorizer_decide_all(call->server->authorizer, ask) == AUTHORIZER_WAITING)
        return;
    else
        (void)settle(work);
    call->finish(call);
}

static bool read_calls(struct call *call, struct authorizer_batch *ask)
{
    const Postern__V1__VerifyBatchRequest *request = call->request->verify_batch;
    ask->call_count = request->n_calls;
    ask->calls = arena_array(call->arena, request->n_calls, sizeof *ask->calls);
    bool has_memory = ask->calls != NULL;
    for (size_t i = 0; i < request->n_calls && has_memory; i++) {
        ask->calls[i].arena = ask->arena;
        ask->calls[i].view = call->view;
        ask->calls[i].min_seq = call->request->min_seq;
        has_memory = handler_verify_ask(call, call->arena, request->calls[i], &ask->calls[i]);
    }
    return has_memory;
}

static struct together *together_new(struct call *call)
{
    struct together *work = arena_array(call->arena, 1, sizeof *work);
    if (work == NULL || !batch_init(&work->batch, call))
        return NULL;
    struct authorizer_batch *ask = &work->ask;
    ask->scratch = work->batch.scratch;
    ask->resume = resume;
    ask->context = work;
    ask->arena = arena_new(FACTS_BYTES);
    if (ask->arena != NULL && read_calls(call, ask))
        return work;
    arena_free(ask->arena);
    arena_free(work->batch.scratch);
    return NULL;
}

// To look and to charge cannot be one decision.
static size_t find_other_peek(const Postern__V1__VerifyBatchRequest *request)
{
    size_t n = 1;
    while (n < request->n_calls && request->calls[n]->peek == request->calls[0]->peek)
        n++;
    return n;
}

enum call_progress handler_verify_together(struct call *call)
{
    const Postern__V1__VerifyBatchRequest *request = call->request->verify_batch;
    size_t other = find_other_peek(request);
    if (other < request->n_calls) {
        char member[40];
        (void)snprintf(member, sizeof member, "calls[%zu].peek", other);
        return call_fail_member(call, member,
                                "is not as in calls[0]: in an atomic batch either all calls peek or none");
    }
    struct together *work = together_new(call);
    if (work == NULL)
        return call_fail_memory(call);
    // After WAITING the batch may already be answered, on another thread.
    if (authorizer_decide_all(call->server->authorizer, &work->ask) == AUTHORIZER_WAITING)
        return CALL_PENDING;
    return settle(work);
}
