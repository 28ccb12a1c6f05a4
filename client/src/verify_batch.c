// VerifyBatch.
#include "authorization.h"
#include "error.h"
#include "wire.h"

// One call of a batch.
struct batch_part {
    Postern__V1__VerifyRequest wire;
    uint8_t charge_id[POSTERN_ID_SIZE];
};

// An answer for each call, by policy. NULL when memory is out.
static struct postern_reply_box *open_batch(const struct postern_ask *ask)
{
    const size_t count = ask->request.verify_batch->n_calls;
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

static enum postern_status verify_batch_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_verify_batch_request *request = from;
    struct postern_arena *arena = &ask->arena;
    Postern__V1__VerifyBatchRequest *wire = postern_arena_take(arena, sizeof *wire);
    struct batch_part *parts = postern_arena_array(arena, request->call_count, sizeof *parts);
    if (arena->failed || wire == NULL)
        return postern_fail_memory(error);
    postern__v1__verify_batch_request__init(wire);
    wire->calls = postern_arena_array(arena, request->call_count, sizeof wire->calls[0]);
    for (size_t i = 0; !arena->failed && i < request->call_count; i++) {
        if (!postern_random(parts[i].charge_id, sizeof parts[i].charge_id))
            return postern_fail(error, POSTERN_INTERNAL, "the system gave no random bytes");
        postern_verify_to_wire(arena, &request->calls[i], parts[i].charge_id, &parts[i].wire);
        wire->calls[i] = &parts[i].wire;
    }
    wire->n_calls = request->call_count;
    wire->atomic = request->atomic;
    ask->open = open_batch;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_VERIFY_BATCH;
    ask->request.verify_batch = wire;
    return POSTERN_OK;
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

static void make_part(struct made *made, const struct postern_answer *answer, size_t n)
{
    const Postern__V1__Status *status = made->wire->n_statuses > 0 ? made->wire->statuses[n] : NULL;
    struct postern_verify_reply *reply = &made->replies[n];
    const Postern__V1__VerifyReply none = POSTERN__V1__VERIFY_REPLY__INIT, open = postern_verify_open();
    made->statuses[n] = status_of(status);
    bool opened = postern_policy_decides(answer->policy, made->statuses[n].status);
    const Postern__V1__VerifyReply *wire = made->wire->replies[n];
    if (made->statuses[n].status != POSTERN_OK)
        wire = opened ? &open : &none; // whatever it says
    postern_verify_of(&made->box->arena, wire, answer->ask->request.verify_batch->calls[n], answer->by_policy || opened,
                      reply);
    reply->base.seq = made->reply->base.seq;
    reply->base.server_time_ms = made->reply->base.server_time_ms;
    if (status != NULL) {
        reply->base.details = postern_entries_of(&made->box->arena, status->details, status->n_details);
        reply->base.detail_count = status->n_details;
    }
}

static void *batch_of(const struct postern_answer *answer)
{
    struct postern_reply_box *box = answer->box;
    struct made made = {.box = box, .wire = (const Postern__V1__VerifyBatchReply *)box->result};
    size_t count = made.wire->n_replies;
    made.reply = postern_reply_new(box, sizeof *made.reply);
    made.replies = postern_arena_array(&box->arena, count, sizeof *made.replies);
    made.statuses = postern_arena_array(&box->arena, count, sizeof *made.statuses);
    if (box->arena.failed)
        return NULL;
    for (size_t n = 0; n < count; n++)
        make_part(&made, answer, n);
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

static void *verify_batch_of(const struct postern_answer *answer, struct postern_error *error)
{
    enum postern_status status = check_counts((const Postern__V1__VerifyBatchReply *)answer->box->result,
                                              answer->ask->request.verify_batch->n_calls, error);
    return status == POSTERN_OK ? batch_of(answer) : NULL;
}

static void deliver_verify_batch(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_verify_batch_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method verify_batch_method = {verify_batch_to_wire, verify_batch_of, deliver_verify_batch};

enum postern_status postern_verify_batch(struct postern *client, const struct postern_verify_batch_request *request,
                                         struct postern_verify_batch_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &verify_batch_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_verify_batch_start(struct postern *client,
                                               const struct postern_verify_batch_request *request,
                                               void (*done)(void *context, struct postern_verify_batch_reply *reply,
                                                            const struct postern_error *error),
                                               void *context, struct postern_error *error)
{
    return postern_start(client, &verify_batch_method, request, (postern_done *)done, context, error);
}
