// Verify and VerifyBatch.
#include "authorization.h"
#include "error.h"
#include "wire.h"

#include <string.h>

// ------------------------------------------------------------------------------------------------------ Verify

// `own_id` is the charge's id where the caller gives none; it has to live as long as the message.
static void verify_to_wire(struct postern_arena *arena, const struct postern_verify_request *request,
                           const uint8_t own_id[POSTERN_ID_SIZE], Postern__V1__VerifyRequest *wire)
{
    postern__v1__verify_request__init(wire);
    wire->api_key = postern_wire_text(request->api_key);
    wire->scopes = postern_wire_texts(arena, request->scopes, request->scope_count);
    wire->n_scopes = request->scope_count;
    wire->account = postern_wire_text(request->account);
    wire->environment = (Postern__V1__Environment)request->environment;
    wire->secret_only = request->secret_only;
    wire->remote_address = postern_wire_text(request->remote_address);
    wire->charges = postern_wire_charges(arena, request->charges, request->charge_count);
    wire->n_charges = request->charge_count;
    wire->peek = request->peek;
    if (!request->peek)
        wire->charge_id = postern_wire_bytes(request->charge_id != NULL ? request->charge_id : own_id, POSTERN_ID_SIZE);
}

// All but the base, and what only the request knows.
static void verify_of(struct postern_arena *arena, const Postern__V1__VerifyReply *wire,
                      struct postern_verify_reply *reply)
{
    reply->allowed = wire->allowed != 0;
    reply->reason = (enum postern_reason)wire->reason;
    reply->http_status = wire->http_status;
    reply->key_id = postern_text_of(wire->key_id);
    reply->key_name = postern_text_of(wire->key_name);
    reply->account = postern_text_of(wire->account);
    reply->tier = postern_text_of(wire->tier);
    reply->environment = (enum postern_environment)wire->environment;
    reply->type = (enum postern_key_type)wire->type;
    reply->scopes = postern_texts_of(arena, wire->scopes, wire->n_scopes);
    reply->scope_count = wire->n_scopes;
    reply->missing_scopes = postern_texts_of(arena, wire->missing_scopes, wire->n_missing_scopes);
    reply->missing_scope_count = wire->n_missing_scopes;
    reply->metadata = postern_entries_of(arena, wire->metadata, wire->n_metadata);
    reply->metadata_count = wire->n_metadata;
    reply->expires_at_ms = wire->expires_at_ms;
    reply->meters = postern_meters_of(arena, wire->meters, wire->n_meters);
    reply->meter_count = wire->n_meters;
    reply->binding_meter = postern_binding_meter(reply->meters, reply->meter_count, wire->binding_meter);
    reply->retry_after_ms = wire->retry_after_ms;
    reply->successor_key_id = postern_text_of(wire->successor_key_id);
}

// Of one call: what was asked tells the charge's id.
static void note_charge(const Postern__V1__VerifyRequest *asked, bool by_policy, struct postern_verify_reply *reply)
{
    reply->decided_by_policy = by_policy;
    reply->has_charge_id = asked->charge_id.len == POSTERN_ID_SIZE;
    if (reply->has_charge_id)
        memcpy(reply->charge_id, asked->charge_id.data, POSTERN_ID_SIZE);
}

static enum postern_status finish_verify(struct postern_reply_box *box, const Postern__V1__VerifyRequest *asked,
                                         bool by_policy, struct postern_verify_reply **reply,
                                         struct postern_error *error)
{
    struct postern_verify_reply *made = postern_reply_new(box, sizeof *made);
    if (made != NULL) {
        verify_of(&box->arena, (const Postern__V1__VerifyReply *)box->result, made);
        note_charge(asked, by_policy, made);
    }
    enum postern_status status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}

static Postern__V1__VerifyReply open_answer(void)
{
    Postern__V1__VerifyReply open = POSTERN__V1__VERIFY_REPLY__INIT;
    open.allowed = true;
    open.http_status = 200;
    return open;
}

enum postern_status postern_verify(struct postern *client, const struct postern_verify_request *request,
                                   struct postern_verify_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__VerifyRequest wire;
    struct postern_reply_box *box = NULL;
    const Postern__V1__VerifyReply open = open_answer();
    bool by_policy = false;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    verify_to_wire(&ask.arena, request, ask.charge_id, &wire);
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_VERIFY;
    ask.request.verify = &wire;
    status = postern_perform_or_decide(client, &ask, &open.base, &box, &by_policy, error);
    if (status == POSTERN_OK)
        status = finish_verify(box, &wire, by_policy, reply, error);
    postern_ask_wipe(&ask);
    return status;
}

// ------------------------------------------------------------------------------------------------- VerifyBatch

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
        verify_to_wire(arena, &request->calls[i], part->charge_id, &part->wire);
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
        replies[i] = open_answer();
        list[i] = &replies[i];
    }
    *wire = none;
    wire->replies = list;
    wire->n_replies = count;
    box->result = &wire->base;
    return box;
}

static void *batch_of(struct postern_reply_box *box, const struct batch *batch, bool by_policy)
{
    const Postern__V1__VerifyBatchReply *wire = (const Postern__V1__VerifyBatchReply *)box->result;
    struct postern_verify_batch_reply *reply = postern_reply_new(box, sizeof *reply);
    struct postern_verify_reply *replies = postern_arena_array(&box->arena, wire->n_replies, sizeof *replies);
    if (reply == NULL)
        return NULL;
    for (size_t i = 0; replies != NULL && i < wire->n_replies; i++) {
        verify_of(&box->arena, wire->replies[i], &replies[i]);
        note_charge(&batch->parts[i].wire, by_policy, &replies[i]);
        replies[i].base =
            (struct postern_reply_base){.seq = reply->base.seq, .server_time_ms = reply->base.server_time_ms};
    }
    reply->replies = replies;
    reply->reply_count = wire->n_replies;
    return reply;
}

static enum postern_status finish_batch(struct postern_reply_box *box, const struct batch *batch, bool by_policy,
                                        struct postern_verify_batch_reply **reply, struct postern_error *error)
{
    size_t count = ((const Postern__V1__VerifyBatchReply *)box->result)->n_replies;
    if (count != batch->wire.n_calls) {
        postern_reply_box_free(box);
        return postern_fail(error, POSTERN_INTERNAL, "posternd gave %zu answers to %zu calls", count,
                            batch->wire.n_calls);
    }
    struct postern_verify_batch_reply *made = batch_of(box, batch, by_policy);
    enum postern_status status = postern_ask_finish(box, made, error);
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
        status = finish_batch(box, &batch, by_policy, reply, error);
    postern_ask_wipe(&batch.ask);
    return status;
}
