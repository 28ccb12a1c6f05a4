// VerifyBatch.
#include "authorization.h"
#include "error.h"
#include "wire.h"

// One call of a batch.
struct batch_part {
    Postern__V1__VerifyRequest wire;
    uint8_t charge_id[POSTERN_ID_SIZE];
};

struct batch {
    struct postern_ask ask;
    Postern__V1__VerifyBatchRequest wire;
    struct batch_part *parts;
};

static enum postern_status batch_to_wire(struct batch *batch, const struct postern_verify_batch_request *request,
                                         struct postern_error *error)
{
    struct postern_arena *arena = &batch->ask.arena;
    Postern__V1__VerifyBatchRequest *wire = &batch->wire;
    postern__v1__verify_batch_request__init(wire);
    batch->parts = postern_arena_array(arena, request->call_count, sizeof batch->parts[0]);
    wire->calls = postern_arena_array(arena, request->call_count, sizeof wire->calls[0]);
    for (size_t i = 0; !arena->failed && i < request->call_count; i++) {
        struct batch_part *part = &batch->parts[i];
        if (!postern_random(part->charge_id, sizeof part->charge_id))
            return postern_fail(error, POSTERN_INTERNAL, "the system gave no random bytes");
        postern_verify_to_wire(arena, &request->calls[i], part->charge_id, &part->wire);
        wire->calls[i] = &part->wire;
    }
    wire->n_calls = request->call_count;
    wire->atomic = request->atomic;
    batch->ask.request.call_case = POSTERN__V1__REQUEST__CALL_VERIFY_BATCH;
    batch->ask.request.verify_batch = wire;
    return POSTERN_OK;
}

// An answer for each call, by policy. NULL when memory is out.
static struct postern_reply_box *open_batch(size_t count)
{
    Postern__V1__VerifyBatchReply none = POSTERN__V1__VERIFY_BATCH_REPLY__INIT;
    struct postern_reply_box *box = postern_reply_made(&none.base);
    if (box == NULL)
        return NULL;
    Postern__V1__VerifyBatchReply *wire = postern_arena_take(&box->arena, sizeof *wire);
    Postern__V1__VerifyReply *replies = postern_arena_array(&box->arena, count, sizeof *replies);
    Postern__V1__VerifyReply **list = postern_arena_array(&box->arena, count, sizeof *list);
    if (box->arena.failed || wire == NULL) {
        postern_reply_box_free(box);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        replies[i] = postern_verify_open();
        list[i] = &replies[i];
    }
    *wire = none;
    wire->replies = list;
    wire->n_replies = count;
    box->result = &wire->base;
    return box;
}

// As posternd gave it; where it gave none the call was decided.
static struct postern_batch_status status_of(const Postern__V1__Status *wire)
{
    const Postern__V1__Status none = POSTERN__V1__STATUS__INIT;
    if (wire == NULL)
        wire = &none;
    return (struct postern_batch_status){.status = postern_status_of(wire->code),
                                         .retry_after_ms = wire->retry_after_ms,
                                         .reason = postern_text_of(wire->reason),
                                         .field = postern_text_of(wire->field),
                                         .message = postern_text_of(wire->message)};
}

// What is being made of the answer.
struct made {
    struct postern_reply_box *box;
    const Postern__V1__VerifyBatchReply *wire;
    struct postern_verify_batch_reply *reply;
    struct postern_verify_reply *replies;
    struct postern_batch_status *statuses;
};

static void make_part(struct made *made, const struct postern *client, const struct batch *batch, size_t n,
                      bool by_policy)
{
    const Postern__V1__Status *status = made->wire->n_statuses > 0 ? made->wire->statuses[n] : NULL;
    struct postern_verify_reply *reply = &made->replies[n];
    const Postern__V1__VerifyReply none = POSTERN__V1__VERIFY_REPLY__INIT, open = postern_verify_open();
    made->statuses[n] = status_of(status);
    bool opened = postern_policy_decides(client, made->statuses[n].status);
    const Postern__V1__VerifyReply *wire = made->wire->replies[n];
    if (made->statuses[n].status != POSTERN_OK)
        wire = opened ? &open : &none; // whatever it says
    postern_verify_of(&made->box->arena, wire, &batch->parts[n].wire, by_policy || opened, reply);
    reply->base.seq = made->reply->base.seq;
    reply->base.server_time_ms = made->reply->base.server_time_ms;
    if (status != NULL) {
        reply->base.details = postern_entries_of(&made->box->arena, status->details, status->n_details);
        reply->base.detail_count = status->n_details;
    }
}

static void *batch_of(struct postern_reply_box *box, const struct postern *client, const struct batch *batch,
                      bool by_policy)
{
    struct made made = {.box = box, .wire = (const Postern__V1__VerifyBatchReply *)box->result};
    size_t count = made.wire->n_replies;
    made.reply = postern_reply_new(box, sizeof *made.reply);
    made.replies = postern_arena_array(&box->arena, count, sizeof *made.replies);
    made.statuses = postern_arena_array(&box->arena, count, sizeof *made.statuses);
    if (box->arena.failed)
        return NULL;
    for (size_t n = 0; n < count; n++)
        make_part(&made, client, batch, n, by_policy);
    made.reply->replies = made.replies;
    made.reply->statuses = made.statuses;
    made.reply->reply_count = count;
    return made.reply;
}

// An answer to each call, and for each whether it could be decided (a server that never fails one need not say so).
static enum postern_status check_counts(const Postern__V1__VerifyBatchReply *wire, size_t asked,
                                        struct postern_error *error)
{
    if (wire->n_replies == asked && (wire->n_statuses == 0 || wire->n_statuses == asked))
        return POSTERN_OK;
    return postern_fail(error, POSTERN_INTERNAL, "posternd gave %zu answers and %zu statuses to %zu calls",
                        wire->n_replies, wire->n_statuses, asked);
}

static enum postern_status finish_batch(struct postern *client, struct postern_reply_box *box,
                                        const struct batch *batch, bool by_policy,
                                        struct postern_verify_batch_reply **reply, struct postern_error *error)
{
    enum postern_status status =
        check_counts((const Postern__V1__VerifyBatchReply *)box->result, batch->wire.n_calls, error);
    if (status != POSTERN_OK) {
        postern_reply_box_free(box);
        return status;
    }
    struct postern_verify_batch_reply *made = batch_of(box, client, batch, by_policy);
    status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}

enum postern_status postern_verify_batch(struct postern *client, const struct postern_verify_batch_request *request,
                                         struct postern_verify_batch_reply **reply, struct postern_error *error)
{
    struct batch batch;
    struct postern_reply_box *box = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &batch.ask, error);
    if (status != POSTERN_OK)
        return status;
    status = batch_to_wire(&batch, request, error);
    if (status == POSTERN_OK)
        status = postern_ask_perform(client, &batch.ask, &box, error);
    bool by_policy = postern_policy_decides(client, status);
    if (by_policy) {
        box = open_batch(request->call_count);
        status = box != NULL ? POSTERN_OK : postern_fail_memory(error);
    }
    if (status == POSTERN_OK)
        status = finish_batch(client, box, &batch, by_policy, reply, error);
    postern_ask_wipe(&batch.ask);
    return status;
}
