// Decisions: what Verify, VerifyBatch and RateCheck share. The authorizer is asked, after each wait for the meters once
// more, and then the call is answered.
#include <string.h>

#include "base/container.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

// Two callers' ids never meet: who it is (a uid, a key id or a certificate's subject, told apart by the first byte),
// then the 16 bytes.
enum { CALLER_NOBODY, CALLER_UID, CALLER_KEY, CALLER_SUBJECT, CALLER_SIZE = 16 };
_Static_assert((int)CALLER_SIZE + (int)HANDLER_CHARGE_ID_SIZE == (int)LIMIT_CHARGE_ID_SIZE, "caller and id fill it");
_Static_assert(1 + (int)KEY_ID_SIZE <= (int)CALLER_SIZE, "a key id fits");

static void write_caller(const struct call *call, uint8_t out[CALLER_SIZE])
{
    if (call->caller.key != NULL) {
        out[0] = CALLER_KEY;
        memcpy(&out[1], call->caller.key->id, KEY_ID_SIZE);
    } else if (call->peer->has_uid) {
        out[0] = CALLER_UID;
        memcpy(&out[1], &call->peer->uid, sizeof call->peer->uid);
    } else if (call->peer->subject[0] != '\0') {
        uint8_t digest[SECRET_HASH_SIZE];
        secret_digest(slice_text(call->peer->subject), digest);
        out[0] = CALLER_SUBJECT;
        memcpy(&out[1], digest, CALLER_SIZE - 1);
    }
}

bool handler_charge_id(const struct call *call, struct arena *arena, ProtobufCBinaryData id, struct slice *out)
{
    *out = slice_empty();
    if (id.len == 0)
        return true;
    uint8_t *bytes = arena_array(arena, LIMIT_CHARGE_ID_SIZE, 1);
    if (bytes == NULL)
        return false;
    write_caller(call, bytes);
    memcpy(&bytes[CALLER_SIZE], id.data, HANDLER_CHARGE_ID_SIZE); // its size was checked
    *out = slice_make(bytes, LIMIT_CHARGE_ID_SIZE);
    return true;
}

// --- deciding

enum authorizer_progress handler_try(struct handler_inquiry *inquiry)
{
    if (inquiry->facts != NULL)
        arena_reset(inquiry->facts);
    return authorizer_decide(inquiry->call->server->authorizer, &inquiry->batch);
}

enum call_progress handler_decide(struct handler_inquiry *inquiry)
{
    // After WAITING the decision may already be answered, on another thread.
    return handler_try(inquiry) == AUTHORIZER_WAITING ? CALL_PENDING : inquiry->answer(inquiry);
}

// What was settled or overdrawn is counted before it waits, so it is answered however late.
static bool is_counted(const struct handler_inquiry *inquiry)
{
    return inquiry->ask.question.mode != LIMIT_CONSUME;
}

static enum status fail_to_write(struct handler_inquiry *inquiry, enum status status)
{
    if (is_counted(inquiry))
        return status_fail(&inquiry->batch.failure, status, NULL,
                           "this is counted, but the meters cannot be written now (disk failing, or full?): repeat it "
                           "with the same charge_id, which counts nothing twice, and look at the log of posternd");
    return status_fail(&inquiry->batch.failure, status, NULL,
                       "the meters cannot be written now (disk failing, or full?); nothing was charged: "
                       "retry, and look at the log of posternd if it lasts");
}

// On the meters' writer thread. Nobody else holds the call now.
static void resume(struct authorizer_batch *batch, enum status status)
{
    struct handler_inquiry *inquiry = CONTAINER_OF(batch, struct handler_inquiry, batch);
    struct call *call = inquiry->call;
    batch->failure = (struct status_failure){.message = ""};
    if (status != STATUS_OK)
        batch->status = fail_to_write(inquiry, status);
    else if (call_is_late(call) && !is_counted(inquiry))
        batch->status = call_fail_late_as(call, &batch->failure);
    else if (handler_try(inquiry) == AUTHORIZER_WAITING)
        return;
    if (inquiry->answer(inquiry) == CALL_DONE)
        call->finish(call);
}

// --- answering

static enum call_progress answer(struct handler_inquiry *inquiry)
{
    struct call *call = inquiry->call;
    const struct authorizer_call *ask = &inquiry->ask;
    const struct authorizer_batch *batch = &inquiry->batch;
    if (batch->status != STATUS_OK)
        return call_fail_failure(call, batch->status, &batch->failure);
    if (ask->status != STATUS_OK) {
        call->status_reason = ask->status_reason;
        call->retry_after_ms = ask->retry_after_ms;
        return call_fail_failure(call, ask->status, &ask->failure);
    }
    call->reply.seq = ask->decision.seq;
    handler_log_decision(call, ask);
    return inquiry->fill(call, ask) ? CALL_DONE : call_fail_memory(call);
}

// --- making one

void handler_inquiry_init(struct handler_inquiry *inquiry, struct call *call, struct arena *arena)
{
    inquiry->ask = (struct authorizer_call){.subject = AUTHORIZER_BY_TOKEN};
    inquiry->batch = (struct authorizer_batch){
        .calls = &inquiry->ask, .call_count = 1, .view = call->view, .arena = arena, .resume = resume};
    inquiry->call = call;
}

struct handler_inquiry *handler_inquiry_new(struct call *call)
{
    struct handler_inquiry *inquiry = arena_array(call->arena, 1, sizeof *inquiry);
    if (inquiry == NULL)
        return NULL;
    handler_inquiry_init(inquiry, call, call->arena);
    inquiry->answer = answer;
    return inquiry;
}
