// Collects the answers of a VerifyBatch. Each is copied out of scratch memory, so that what judging a call needs does
// not pile up.
#include "rpc/batch.h"

#include <stdio.h>

#include "rpc/codec.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

bool batch_init(struct batch *batch, struct call *call)
{
    size_t count = call->request->verify_batch->n_calls;
    Postern__V1__VerifyBatchReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL)
        return false;
    postern__v1__verify_batch_reply__init(reply);
    reply->replies = arena_array(call->arena, count, sizeof *reply->replies);
    reply->statuses = arena_array(call->arena, count, sizeof *reply->statuses);
    *batch = (struct batch){.call = call, .reply = reply};
    if (reply->replies != NULL && reply->statuses != NULL)
        batch->scratch = arena_new(BATCH_SCRATCH_BYTES);
    return batch->scratch != NULL;
}

static void add_item(struct batch *batch, Postern__V1__VerifyReply *reply, Postern__V1__Status *status)
{
    batch->reply->replies[batch->next] = reply;
    batch->reply->statuses[batch->next] = status;
    batch->reply->n_replies = batch->reply->n_statuses = ++batch->next;
}

bool batch_add_failure(struct batch *batch, enum status code, const struct status_note *note)
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

bool batch_add_decision(struct batch *batch, const struct authorizer_decision *decision)
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

enum call_progress batch_finish(struct batch *batch)
{
    arena_free(batch->scratch);
    batch->call->reply.result_case = POSTERN__V1__REPLY__RESULT_VERIFY_BATCH;
    batch->call->reply.verify_batch = batch->reply;
    return CALL_DONE;
}

enum call_progress batch_fail_memory(struct batch *batch)
{
    arena_free(batch->scratch);
    return call_fail_memory(batch->call);
}
