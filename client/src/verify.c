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

static enum postern_status finish_verify(struct postern_reply_box *box, const Postern__V1__VerifyRequest *asked,
                                         bool by_policy, struct postern_verify_reply **reply,
                                         struct postern_error *error)
{
    struct postern_verify_reply *made = postern_reply_new(box, sizeof *made);
    if (made != NULL)
        postern_verify_of(&box->arena, (const Postern__V1__VerifyReply *)box->result, asked, by_policy, made);
    enum postern_status status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}

Postern__V1__VerifyReply postern_verify_open(void)
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
    const Postern__V1__VerifyReply open = postern_verify_open();
    bool by_policy = false;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    postern_verify_to_wire(&ask.arena, request, ask.charge_id, &wire);
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_VERIFY;
    ask.request.verify = &wire;
    status = postern_perform_or_decide(client, &ask, &open.base, &box, &by_policy, error);
    if (status == POSTERN_OK)
        status = finish_verify(box, &wire, by_policy, reply, error);
    postern_ask_wipe(&ask);
    return status;
}
