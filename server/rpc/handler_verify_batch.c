// VerifyBatch: up to 64 Verifys in one request. Each is decided by itself, one after the other; or, with `atomic`, all
// of them as one. Both are one path: it decides a number of calls as one, 1 or all, answers them and goes on behind
// them.
#include <stdio.h>

#include "base/container.h"
#include "rpc/advice.h"
#include "rpc/codec.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

// Measured with 64 of the largest keys: 1.3 MiB, and at most 0.9 MiB more for meters that are read from disk.
enum { FACTS_BYTES = 4 * 1024 * 1024, SCRATCH_BYTES = 1024 * 1024 };

struct verify_batch {
    struct handler_inquiry inquiry; // of the calls that are decided next, as one
    const Postern__V1__VerifyBatchRequest *request;
    Postern__V1__VerifyBatchReply *reply; // the answers so far, in the order of their calls
    struct arena *scratch;                // what is answered is copied out of it, in its smallest form
};

static struct verify_batch *work_of(struct handler_inquiry *inquiry)
{
    return CONTAINER_OF(inquiry, struct verify_batch, inquiry);
}

// --- answers

static void add_item(struct verify_batch *work, Postern__V1__VerifyReply *reply, Postern__V1__Status *status)
{
    size_t n = work->reply->n_replies++;
    work->reply->n_statuses = work->reply->n_replies;
    work->reply->replies[n] = reply;
    work->reply->statuses[n] = status;
}

// Answers the next call; the failure's field is relative to that call. False when the arena is out.
static bool add_failure(struct verify_batch *work, enum status code, const struct status_failure *failure)
{
    struct call *call = work->inquiry.call;
    char part[32], path[CALL_FIELD_PATH_SIZE];
    Postern__V1__VerifyReply *reply = arena_alloc(call->arena, sizeof *reply);
    Postern__V1__Status *status = arena_alloc(call->arena, sizeof *status);
    struct status_failure said = *failure;
    advice_name_who_may(said.message, sizeof said.message, call->caller.authorities);
    struct slice field, message = slice_text(said.message[0] != '\0' ? said.message : status_name(code));
    (void)snprintf(part, sizeof part, "calls[%zu].", work->reply->n_replies);
    if (reply == NULL || status == NULL || !arena_copy(call->arena, message, &message) ||
        !arena_copy(call->arena, call_field_path(call, part, failure, path), &field))
        return false;
    postern__v1__verify_reply__init(reply); // neither allowed nor refused
    postern__v1__status__init(status);
    status->code = (uint32_t)code;
    status->message = wire_text(message);
    status->field = wire_text(field);
    add_item(work, reply, status);
    return true;
}

static bool add_decision(struct verify_batch *work, const struct authorizer_call *ask)
{
    struct arena *arena = work->inquiry.call->arena;
    Postern__V1__VerifyReply reply;
    Postern__V1__Status status;
    postern__v1__status__init(&status);
    arena_reset(work->scratch);
    if (!handler_verify_answer(work->scratch, ask, &reply, &status))
        return false;
    ProtobufCMessage *small = codec_copy(&reply.base, work->scratch, arena);
    ProtobufCMessage *small_status = codec_copy(&status.base, work->scratch, arena);
    if (small == NULL || small_status == NULL)
        return false;
    add_item(work, (Postern__V1__VerifyReply *)small, (Postern__V1__Status *)small_status);
    return true;
}

// Answers a call that was allowed and not charged, because another one of its atomic batch was refused.
static bool add_uncharged(struct verify_batch *work)
{
    size_t n = work->inquiry.batch.refused - 1;
    const struct authorizer_call *refused = &work->inquiry.batch.calls[n];
    struct status_failure failure = {.field = ""};
    enum status status;
    if (refused->status != STATUS_OK)
        status = status_fail(&failure, STATUS_ABORTED, NULL, "not charged: calls[%zu] failed (%s)", n,
                             status_name(refused->status));
    else
        status = status_fail(&failure, STATUS_ABORTED, NULL, "not charged: calls[%zu] was refused (%s)", n,
                             reason_name(refused->decision.reason));
    return add_failure(work, status, &failure);
}

static bool add_answer(struct verify_batch *work, const struct authorizer_call *ask)
{
    const struct authorizer_batch *batch = &work->inquiry.batch;
    if (batch->status != STATUS_OK)
        return add_failure(work, batch->status, &batch->failure);
    if (work->inquiry.call->reply.seq < ask->decision.seq)
        work->inquiry.call->reply.seq = ask->decision.seq;
    if (ask->status != STATUS_OK)
        return add_failure(work, ask->status, &ask->failure);
    if (batch->refused != 0 && ask->decision.reason == REASON_ALLOWED)
        return add_uncharged(work);
    handler_log_decision(work->inquiry.call, ask);
    return add_decision(work, ask);
}

// --- one after the other, or as one

// An atomic batch that could not be decided has no answers: the call fails.
static bool has_failed_as_one(const struct verify_batch *work)
{
    return work->request->atomic && work->inquiry.batch.status != STATUS_OK;
}

// Answers the calls that were decided as one, and steps behind them. False when the arena is out.
static bool add_answers(struct verify_batch *work)
{
    struct authorizer_batch *batch = &work->inquiry.batch;
    bool has_memory = true;
    for (size_t i = 0; i < batch->call_count && has_memory && !has_failed_as_one(work); i++)
        has_memory = add_answer(work, &batch->calls[i]);
    batch->calls += batch->call_count;
    batch->waiter = (struct limit_waiter){.next = NULL}; // the next ones have not waited
    return has_memory;
}

static enum call_progress finish(struct verify_batch *work, bool has_memory)
{
    struct call *call = work->inquiry.call;
    arena_free(work->inquiry.facts);
    arena_free(work->scratch);
    if (!has_memory)
        return call_fail_memory(call);
    if (has_failed_as_one(work))
        return call_fail_failure(call, work->inquiry.batch.status, &work->inquiry.batch.failure);
    return CALL_DONE;
}

// Decides and answers those that are left. After CALL_PENDING the work belongs to whoever resumes it.
static enum call_progress go_on(struct verify_batch *work, bool has_memory)
{
    struct call *call = work->inquiry.call;
    struct authorizer_batch *batch = &work->inquiry.batch;
    while (has_memory && !has_failed_as_one(work) && work->reply->n_replies < work->request->n_calls) {
        if (work->reply->n_replies > 0 && call_is_late(call))
            batch->status = call_fail_late_as(call, &batch->failure);
        else if (handler_try(&work->inquiry) == AUTHORIZER_WAITING)
            return CALL_PENDING;
        has_memory = add_answers(work);
    }
    return finish(work, has_memory);
}

// Answers those that have waited.
static enum call_progress answer_and_go_on(struct handler_inquiry *inquiry)
{
    struct verify_batch *work = work_of(inquiry);
    return go_on(work, add_answers(work));
}

// --- beginning

static bool read_calls(struct verify_batch *work, struct call *call)
{
    const Postern__V1__VerifyBatchRequest *request = work->request;
    struct authorizer_batch *batch = &work->inquiry.batch;
    batch->calls = arena_array(call->arena, request->n_calls, sizeof *batch->calls);
    batch->call_count = request->atomic ? request->n_calls : 1;
    bool has_memory = batch->calls != NULL;
    for (size_t i = 0; i < request->n_calls && has_memory; i++)
        has_memory = handler_verify_ask(call, call->arena, request->calls[i], &batch->calls[i]);
    return has_memory;
}

static bool begin_reply(struct verify_batch *work, struct call *call)
{
    work->reply = call_result_new(call, call->arena, &call->reply);
    if (work->reply == NULL)
        return false;
    work->reply->replies = arena_array(call->arena, work->request->n_calls, sizeof *work->reply->replies);
    work->reply->statuses = arena_array(call->arena, work->request->n_calls, sizeof *work->reply->statuses);
    return work->reply->replies != NULL && work->reply->statuses != NULL;
}

// False when memory is out; then `finish` frees what is there.
static bool begin(struct verify_batch *work, struct call *call)
{
    work->request = call->request->verify_batch;
    work->scratch = arena_new(SCRATCH_BYTES);
    work->inquiry.facts = arena_new(FACTS_BYTES);
    handler_inquiry_init(&work->inquiry, call, work->inquiry.facts);
    work->inquiry.batch.scratch = work->scratch;
    work->inquiry.answer = answer_and_go_on;
    return work->scratch != NULL && work->inquiry.facts != NULL && begin_reply(work, call) && read_calls(work, call);
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
    struct verify_batch *work = arena_array(call->arena, 1, sizeof *work);
    if (work == NULL)
        return call_fail_memory(call);
    return go_on(work, begin(work, call));
}
