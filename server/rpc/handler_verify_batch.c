// VerifyBatch: up to 64 Verifys in one request. Each is decided by itself, one after the other; or, with `atomic`, all
// of them as one.
#include <stdio.h>

#include "base/container.h"
#include "rpc/codec.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

// Measured with 64 of the largest keys: 1.3 MiB, and at most 0.9 MiB more for meters that are read from disk.
enum { FACTS_BYTES = 4 * 1024 * 1024, SCRATCH_BYTES = 1024 * 1024 };

// The answers, one for each call in their order.
struct batch {
    struct call *call;
    struct arena *scratch; // what is answered is copied out of it, in its smallest form
    Postern__V1__VerifyBatchReply *reply;
    size_t next; // to be answered
};

struct work {
    struct handler_decision decision; // of the call that is being decided, or of all
    struct batch batch;
};

static struct work *work_of(struct handler_decision *decision)
{
    return CONTAINER_OF(decision, struct work, decision);
}

// --- answers

static bool batch_init(struct batch *batch, struct call *call)
{
    size_t count = call->request->verify_batch->n_calls;
    Postern__V1__VerifyBatchReply *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL)
        return false;
    reply->replies = arena_array(call->arena, count, sizeof *reply->replies);
    reply->statuses = arena_array(call->arena, count, sizeof *reply->statuses);
    *batch = (struct batch){.call = call, .reply = reply};
    if (reply->replies != NULL && reply->statuses != NULL)
        batch->scratch = arena_new(SCRATCH_BYTES);
    return batch->scratch != NULL;
}

static void add_item(struct batch *batch, Postern__V1__VerifyReply *reply, Postern__V1__Status *status)
{
    batch->reply->replies[batch->next] = reply;
    batch->reply->statuses[batch->next] = status;
    batch->reply->n_replies = batch->reply->n_statuses = ++batch->next;
}

// Answers the next call; the failure's field is relative to that call. False when the arena is out.
static bool batch_add_failure(struct batch *batch, enum status code, const struct status_failure *failure)
{
    struct arena *arena = batch->call->arena;
    char path[sizeof failure->field + 32] = "";
    Postern__V1__VerifyReply *reply = arena_alloc(arena, sizeof *reply);
    Postern__V1__Status *status = arena_alloc(arena, sizeof *status);
    struct slice field, message;
    if (failure->field[0] != '\0')
        (void)snprintf(path, sizeof path, "verify_batch.calls[%zu].%s", batch->next, failure->field);
    if (reply == NULL || status == NULL || !arena_copy(arena, slice_text(path), &field) ||
        !arena_copy(arena, slice_text(failure->message[0] != '\0' ? failure->message : status_name(code)), &message))
        return false;
    postern__v1__verify_reply__init(reply); // neither allowed nor refused
    postern__v1__status__init(status);
    status->code = (uint32_t)code;
    status->message = wire_text(message);
    status->field = wire_text(field);
    add_item(batch, reply, status);
    return true;
}

static bool batch_add_decision(struct batch *batch, const struct authorizer_decision *decision)
{
    Postern__V1__VerifyReply reply;
    Postern__V1__Status status;
    postern__v1__status__init(&status);
    if (!handler_verify_answer(batch->scratch, decision, &reply, &status))
        return false;
    ProtobufCMessage *kept = codec_copy(&reply.base, batch->scratch, batch->call->arena);
    ProtobufCMessage *kept_status = codec_copy(&status.base, batch->scratch, batch->call->arena);
    if (kept == NULL || kept_status == NULL)
        return false;
    if (batch->call->reply.seq < decision->seq)
        batch->call->reply.seq = decision->seq;
    add_item(batch, (Postern__V1__VerifyReply *)kept, (Postern__V1__Status *)kept_status);
    return true;
}

static enum call_progress batch_finish(struct batch *batch)
{
    arena_free(batch->scratch);
    return CALL_DONE;
}

static enum call_progress batch_fail_memory(struct batch *batch)
{
    arena_free(batch->scratch);
    return call_fail_memory(batch->call);
}

// --- one after the other

static bool begin_item(struct work *work)
{
    struct batch *batch = &work->batch;
    struct call *call = batch->call;
    arena_reset(batch->scratch);
    handler_decision_init(&work->decision, call, batch->scratch);
    return handler_verify_ask(call, batch->scratch, call->request->verify_batch->calls[batch->next],
                              &work->decision.ask);
}

static bool add_late(struct batch *batch)
{
    struct status_failure failure = {.field = ""};
    enum status status = status_fail(&failure, STATUS_DEADLINE_EXCEEDED, NULL,
                                     "not decided within %u ms: nothing charged", batch->call->request->timeout_ms);
    return batch_add_failure(batch, status, &failure);
}

static bool settle_item(struct work *work)
{
    const struct authorizer_batch *decided = &work->decision.batch;
    const struct authorizer_call *ask = &work->decision.ask;
    if (decided->status != STATUS_OK)
        return batch_add_failure(&work->batch, decided->status, &decided->failure);
    if (ask->status != STATUS_OK)
        return batch_add_failure(&work->batch, ask->status, &ask->failure);
    return batch_add_decision(&work->batch, &ask->decision);
}

// Decides and answers those that are left. After CALL_PENDING the batch belongs to whoever resumes it.
static enum call_progress go_on(struct work *work)
{
    struct batch *batch = &work->batch;
    bool has_memory = true;
    while (has_memory && batch->next < batch->call->request->verify_batch->n_calls) {
        if (batch->next > 0 && call_is_late(batch->call)) {
            has_memory = add_late(batch);
            continue;
        }
        has_memory = begin_item(work);
        if (has_memory && handler_try(&work->decision) == AUTHORIZER_WAITING)
            return CALL_PENDING;
        has_memory = has_memory && settle_item(work);
    }
    return has_memory ? batch_finish(batch) : batch_fail_memory(batch);
}

// Of one that has waited.
static enum call_progress settle_and_go_on(struct handler_decision *decision)
{
    struct work *work = work_of(decision);
    return settle_item(work) ? go_on(work) : batch_fail_memory(&work->batch);
}

// --- as one

static bool add_uncharged(struct work *work)
{
    size_t n = work->decision.batch.refused - 1;
    const struct authorizer_call *refused = &work->decision.batch.calls[n];
    struct status_failure failure = {.field = ""};
    enum status status;
    if (refused->status != STATUS_OK)
        status = status_fail(&failure, STATUS_ABORTED, NULL, "not charged: calls[%zu] failed (%s)", n,
                             status_name(refused->status));
    else
        status = status_fail(&failure, STATUS_ABORTED, NULL, "not charged: calls[%zu] was refused (%s)", n,
                             reason_name(refused->decision.reason));
    return batch_add_failure(&work->batch, status, &failure);
}

static bool add_answer(struct work *work, const struct authorizer_call *ask)
{
    arena_reset(work->batch.scratch);
    if (ask->status != STATUS_OK)
        return batch_add_failure(&work->batch, ask->status, &ask->failure);
    if (work->decision.batch.refused != 0 && ask->decision.reason == REASON_ALLOWED)
        return add_uncharged(work);
    return batch_add_decision(&work->batch, &ask->decision);
}

static enum call_progress settle_all(struct handler_decision *decision)
{
    struct work *work = work_of(decision);
    const struct authorizer_batch *decided = &decision->batch;
    if (decided->status != STATUS_OK) {
        arena_free(work->decision.facts);
        arena_free(work->batch.scratch);
        return call_fail_with(decision->call, decided->status, &decided->failure);
    }
    bool has_memory = true;
    for (size_t i = 0; i < decided->call_count && has_memory; i++)
        has_memory = add_answer(work, &decided->calls[i]);
    decision->call->reply.seq = decided->calls[0].decision.seq;
    arena_free(work->decision.facts);
    return has_memory ? batch_finish(&work->batch) : batch_fail_memory(&work->batch);
}

static bool read_calls(struct call *call, struct authorizer_batch *batch)
{
    const Postern__V1__VerifyBatchRequest *request = call->request->verify_batch;
    batch->call_count = request->n_calls;
    batch->calls = arena_array(call->arena, request->n_calls, sizeof *batch->calls);
    bool has_memory = batch->calls != NULL;
    for (size_t i = 0; i < request->n_calls && has_memory; i++)
        has_memory = handler_verify_ask(call, call->arena, request->calls[i], &batch->calls[i]);
    return has_memory;
}

static bool begin_all(struct work *work, struct call *call)
{
    work->decision.facts = arena_new(FACTS_BYTES);
    handler_decision_init(&work->decision, call, work->decision.facts);
    work->decision.batch.scratch = work->batch.scratch;
    if (work->decision.facts != NULL && read_calls(call, &work->decision.batch))
        return true;
    arena_free(work->decision.facts);
    return false;
}

// To look and to charge cannot be one decision.
static size_t find_other_peek(const Postern__V1__VerifyBatchRequest *request)
{
    size_t n = 1;
    while (n < request->n_calls && request->calls[n]->peek == request->calls[0]->peek)
        n++;
    return n;
}

// --- the call

enum call_progress handler_verify_batch(struct call *call)
{
    const Postern__V1__VerifyBatchRequest *request = call->request->verify_batch;
    if (request->n_calls == 0)
        return call_fail_member(call, "calls", "is empty: give at least one Verify");
    size_t other = request->atomic ? find_other_peek(request) : request->n_calls;
    if (other < request->n_calls) {
        char member[40];
        (void)snprintf(member, sizeof member, "calls[%zu].peek", other);
        return call_fail_member(call, member,
                                "is not as in calls[0]: in an atomic batch either all calls peek or none");
    }
    struct work *work = arena_array(call->arena, 1, sizeof *work);
    if (work == NULL || !batch_init(&work->batch, call))
        return call_fail_memory(call);
    work->decision.settle = request->atomic ? settle_all : settle_and_go_on;
    if (!request->atomic)
        return go_on(work);
    return begin_all(work, call) ? handler_decide(&work->decision) : batch_fail_memory(&work->batch);
}
