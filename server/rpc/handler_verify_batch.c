// VerifyBatch: up to 64 Verifys in one request, each decided by itself, one after the other.
#include <stdio.h>

#include "rpc/codec.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

enum { SCRATCH_BYTES = 1024 * 1024 };

struct batch {
    struct authorizer_call ask; // of the one that is being decided
    struct call *call;
    struct arena *scratch; // for that one; what is answered is copied out of it, in its smallest form
    Postern__V1__VerifyBatchReply *reply;
    size_t next;
};

// --- answers

static void add_item(struct batch *batch, Postern__V1__VerifyReply *reply, Postern__V1__Status *status)
{
    batch->reply->replies[batch->next] = reply;
    batch->reply->statuses[batch->next] = status;
    batch->reply->n_replies = batch->reply->n_statuses = ++batch->next;
}

// False when the arena is out.
static bool add_failure(struct batch *batch, enum status code, const struct status_note *note)
{
    struct arena *arena = batch->call->arena;
    char path[sizeof note->field + 32] = "";
    Postern__V1__VerifyReply *reply = arena_alloc(arena, sizeof *reply);
    Postern__V1__Status *status = arena_alloc(arena, sizeof *status);
    struct slice field, message;
    if (note->field[0] != '\0')
        (void)snprintf(path, sizeof path, "verify_batch.calls[%zu].%s", batch->next, note->field);
    if (reply == NULL || status == NULL || !arena_copy(arena, slice_text(path), &field) ||
        !arena_copy(arena, slice_text(note->message[0] != '\0' ? note->message : status_name(code)), &message))
        return false;
    postern__v1__verify_reply__init(reply); // neither allowed nor refused
    postern__v1__status__init(status);
    status->code = (uint32_t)code;
    status->message = wire_text(message);
    status->field = wire_text(field);
    add_item(batch, reply, status);
    return true;
}

static bool add_decision(struct batch *batch, const struct authorizer_decision *decision)
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

// --- decisions

static void resume(struct authorizer_call *ask, enum status status);

static bool begin_item(struct batch *batch)
{
    const Postern__V1__VerifyRequest *request = batch->call->request->verify_batch->calls[batch->next];
    arena_reset(batch->scratch);
    batch->ask = (struct authorizer_call){.arena = batch->scratch,
                                          .view = batch->call->view,
                                          .question.charge_count = request->n_charges,
                                          .resume = resume,
                                          .context = batch};
    return handler_verify_ask(batch->scratch, request, &batch->ask) &&
           wire_read_charges(batch->scratch, request->charges, request->n_charges, &batch->ask.question.charges);
}

static bool add_late(struct batch *batch)
{
    struct status_note note = {.field = ""};
    enum status status = status_fail(&note, STATUS_DEADLINE_EXCEEDED, NULL, "not decided within %u ms: nothing charged",
                                     batch->call->request->timeout_ms);
    return add_failure(batch, status, &note);
}

static bool settle_item(struct batch *batch)
{
    if (batch->ask.status != STATUS_OK)
        return add_failure(batch, batch->ask.status, &batch->ask.note);
    return add_decision(batch, &batch->ask.decision);
}

static enum call_progress fail_memory(struct batch *batch)
{
    arena_free(batch->scratch);
    return call_fail_memory(batch->call);
}

// Decides and answers those that are left. After CALL_PENDING the batch belongs to `resume`.
static enum call_progress go_on(struct batch *batch)
{
    struct call *call = batch->call;
    bool has_memory = true;
    while (has_memory && batch->next < call->request->verify_batch->n_calls) {
        if (batch->next > 0 && call_is_late(call)) {
            has_memory = add_late(batch);
            continue;
        }
        has_memory = begin_item(batch);
        if (has_memory && authorizer_decide(call->server->authorizer, &batch->ask) == AUTHORIZER_WAITING)
            return CALL_PENDING;
        has_memory = has_memory && settle_item(batch);
    }
    if (!has_memory)
        return fail_memory(batch);
    arena_free(batch->scratch);
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_VERIFY_BATCH;
    call->reply.verify_batch = batch->reply;
    return CALL_DONE;
}

// On the meters' writer thread. Nobody else holds the call now.
static void resume(struct authorizer_call *ask, enum status status)
{
    struct batch *batch = ask->context;
    struct call *call = batch->call;
    bool has_memory = true;
    if (status != STATUS_OK) {
        struct status_note note = {.field = ""};
        status = status_fail(&note, status, NULL, "the meters cannot be written now; nothing was charged");
        has_memory = add_failure(batch, status, &note);
    } else if (call_is_late(call)) {
        has_memory = add_late(batch);
    } else {
        if (authorizer_decide(call->server->authorizer, ask) == AUTHORIZER_WAITING)
            return;
        has_memory = settle_item(batch);
    }
    if (!has_memory)
        fail_memory(batch);
    else if (go_on(batch) == CALL_PENDING)
        return;
    call->finish(call);
}

// --- the call

static struct batch *batch_new(struct call *call)
{
    size_t count = call->request->verify_batch->n_calls;
    struct batch *batch = arena_array(call->arena, 1, sizeof *batch);
    Postern__V1__VerifyBatchReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (batch == NULL || reply == NULL)
        return NULL;
    postern__v1__verify_batch_reply__init(reply);
    reply->replies = arena_array(call->arena, count, sizeof *reply->replies);
    reply->statuses = arena_array(call->arena, count, sizeof *reply->statuses);
    batch->call = call;
    batch->reply = reply;
    if (reply->replies != NULL && reply->statuses != NULL)
        batch->scratch = arena_new(SCRATCH_BYTES);
    return batch->scratch != NULL ? batch : NULL;
}

enum call_progress handler_verify_batch(struct call *call)
{
    const Postern__V1__VerifyBatchRequest *request = call->request->verify_batch;
    if (request->atomic)
        return call_fail(call, STATUS_UNIMPLEMENTED, "verify_batch.atomic",
                         "this server does not offer batches that are all or nothing: leave `atomic` unset, then each "
                         "call is decided by itself");
    if (request->n_calls == 0)
        return call_fail_member(call, "calls", "is empty: give at least one Verify");
    struct batch *batch = batch_new(call);
    return batch != NULL ? go_on(batch) : call_fail_memory(call);
}
