// Verify.
#include "authorization.h"
#include "error.h"
#include "wire.h"

#include <string.h>

void postern_verify_to_wire(struct postern_arena *arena, const struct postern_verify_request *request,
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

// What only the request knows.
static void note_charge(const Postern__V1__VerifyRequest *asked, struct postern_verify_reply *reply)
{
    reply->has_charge_id = asked->charge_id.len == POSTERN_ID_SIZE;
    if (reply->has_charge_id)
        memcpy(reply->charge_id, asked->charge_id.data, POSTERN_ID_SIZE);
}

void postern_verify_of(struct postern_arena *arena, const Postern__V1__VerifyReply *wire,
                       const Postern__V1__VerifyRequest *asked, bool by_policy, struct postern_verify_reply *reply)
{
    reply->decided_by_policy = by_policy;
    note_charge(asked, reply);
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

Postern__V1__VerifyReply postern_verify_open(void)
{
    Postern__V1__VerifyReply open = POSTERN__V1__VERIFY_REPLY__INIT;
    open.allowed = true;
    open.http_status = 200;
    return open;
}

static struct postern_reply_box *open_verify(const struct postern_ask *ask)
{
    const Postern__V1__VerifyReply open = postern_verify_open();
    (void)ask;
    return postern_reply_made(&open.base);
}

static enum postern_status verify_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    Postern__V1__VerifyRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern_verify_to_wire(&ask->arena, from, ask->charge_id, wire);
    ask->open = open_verify;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_VERIFY;
    ask->request.verify = wire;
    return POSTERN_OK;
}

static void *verify_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_verify_reply *reply = postern_reply_new(answer->box, sizeof *reply);
    (void)error;
    if (reply != NULL)
        postern_verify_of(&answer->box->arena, (const Postern__V1__VerifyReply *)answer->box->result,
                          answer->ask->request.verify, answer->by_policy, reply);
    return reply;
}

static void deliver_verify(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_verify_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method verify_method = {verify_to_wire, verify_of, deliver_verify};

enum postern_status postern_verify(struct postern *client, const struct postern_verify_request *request,
                                   struct postern_verify_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &verify_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_verify_start(struct postern *client, const struct postern_verify_request *request,
                                         void (*done)(void *context, struct postern_verify_reply *reply,
                                                      const struct postern_error *error),
                                         void *context, struct postern_error *error)
{
    return postern_start(client, &verify_method, request, (postern_done *)done, context, error);
}
