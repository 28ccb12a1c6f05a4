// Answers Verify, and writes the decision about a key that VerifyBatch sends, too.
#include "rpc/handler.h"
#include "rpc/wire.h"

// At most two details. False when the arena is out.
static bool add_detail(struct arena *arena, const char *key, struct slice value, Postern__V1__Status *status)
{
    enum { DETAILS_MAX = 2 };
    if (status->details == NULL)
        status->details = arena_array(arena, DETAILS_MAX, sizeof *status->details);
    Postern__V1__Entry *entry = status->details != NULL ? wire_entry(arena, key, value) : NULL;
    if (entry == NULL || status->n_details == DETAILS_MAX)
        return false;
    status->details[status->n_details++] = entry;
    return true;
}

// The id that the text carries, and what is wrong with the text, if either can be seen.
static bool add_invalid(struct arena *arena, struct slice token, struct slice key_id, Postern__V1__Status *status)
{
    const char *hint = key_token_hint(token);
    return (key_id.size == 0 || add_detail(arena, "key_id", key_id, status)) &&
           (hint == NULL || add_detail(arena, "hint", slice_text(hint), status));
}

// What a gateway puts into the error it answers.
bool handler_add_details(struct arena *arena, const struct authorizer_call *ask, struct slice key_id,
                         Postern__V1__Status *status)
{
    struct slice moment;
    const struct authorizer_decision *decision = &ask->decision;
    if (decision->reason == REASON_MISSING_API_KEY)
        return add_detail(arena, "header", slice_text("Authorization"), status);
    if (decision->reason == REASON_INVALID_API_KEY)
        return add_invalid(arena, ask->question.token, key_id, status);
    if (decision->reason == REASON_EXPIRED_API_KEY && decision->has_key)
        return wire_moment(arena, decision->key.facts.expires_at_ms, &moment) &&
               add_detail(arena, "expired_at", moment, status);
    if (decision->reason == REASON_NOT_YET_VALID_API_KEY && decision->has_key)
        return wire_moment(arena, decision->key.facts.not_before_ms, &moment) &&
               add_detail(arena, "not_before", moment, status);
    return true;
}

static bool fill_key(struct arena *arena, const struct authorizer_decision *decision, Postern__V1__VerifyReply *reply)
{
    const struct registry_key *key = &decision->key;
    reply->key_name = wire_text(key->name);
    reply->account = wire_text(key->account);
    reply->environment = (Postern__V1__Environment)key->environment;
    reply->type = (Postern__V1__KeyType)key->type;
    reply->expires_at_ms = key->facts.expires_at_ms;
    reply->n_scopes = key->scope_count;
    reply->n_metadata = key->metadata_count;
    return (!decision->successor.works || wire_key_id(arena, decision->successor.id, &reply->successor_key_id)) &&
           wire_texts(arena, key->scopes, key->scope_count, &reply->scopes) &&
           wire_entries(arena, key->metadata, key->metadata_count, &reply->metadata);
}

static bool fill_reply(struct arena *arena, const struct authorizer_decision *decision, Postern__V1__VerifyReply *reply)
{
    reply->allowed = decision->reason == REASON_ALLOWED;
    reply->reason = (Postern__V1__Reason)decision->reason;
    reply->http_status = reason_http_status(decision->reason);
    if (decision->has_key_id && !wire_key_id(arena, decision->key_id, &reply->key_id))
        return false;
    if (!decision->has_key)
        return true;
    if (decision->has_account)
        reply->tier = wire_text(decision->account.tier);
    reply->n_missing_scopes = decision->missing_scope_count;
    reply->n_meters = decision->meter_count;
    reply->binding_meter = (uint32_t)decision->binding_meter;
    reply->retry_after_ms = decision->retry_after_ms;
    return fill_key(arena, decision, reply) &&
           wire_texts(arena, decision->missing_scopes, decision->missing_scope_count, &reply->missing_scopes) &&
           wire_meters(arena, decision->meters, decision->meter_count, &reply->meters);
}

bool handler_verify_answer(struct arena *arena, const struct authorizer_call *ask, Postern__V1__VerifyReply *reply,
                           Postern__V1__Status *status)
{
    const struct authorizer_decision *decision = &ask->decision;
    postern__v1__verify_reply__init(reply);
    return fill_reply(arena, decision, reply) && handler_add_details(arena, ask, wire_slice(reply->key_id), status);
}

// The address often comes from a header that anybody may write. A text that is no address fails no call; it is in no
// key's list.
static struct slice read_address(ProtobufCBinaryData given)
{
    struct slice address = key_address_of(wire_slice(given));
    return given.len > 0 && address.size == 0 ? slice_text("unknown") : address;
}

// Each of `scopes` is needed, and one of each of the alternatives.
static bool read_needs(struct arena *arena, const Postern__V1__VerifyRequest *request,
                       struct authorizer_question *question)
{
    struct slice *scopes;
    size_t count = request->n_scopes + request->n_scope_alternatives;
    struct authorizer_need *needs = arena_array(arena, count, sizeof *needs);
    if (needs == NULL || !wire_read_texts(arena, request->scopes, request->n_scopes, &scopes))
        return false;
    question->needs = needs;
    question->need_count = count;
    for (size_t i = 0; i < request->n_scopes; i++)
        *needs++ = (struct authorizer_need){&scopes[i], 1};
    for (size_t i = 0; i < request->n_scope_alternatives; i++, needs++) {
        const Postern__V1__ScopeAlternatives *from = request->scope_alternatives[i];
        needs->count = from->n_scopes;
        if (!wire_read_texts(arena, from->scopes, from->n_scopes, &needs->any_of))
            return false;
    }
    return true;
}

bool handler_verify_ask(const struct call *call, struct arena *arena, const Postern__V1__VerifyRequest *request,
                        struct authorizer_call *ask)
{
    struct authorizer_question *question = &ask->question;
    ask->subject = AUTHORIZER_BY_TOKEN;
    question->token = wire_slice(request->api_key);
    question->account = wire_slice(request->account);
    question->environment = (enum key_environment)request->environment;
    question->secret_only = request->secret_only;
    question->remote_address = read_address(request->remote_address);
    question->peek = request->peek;
    question->charge_count = request->n_charges;
    return read_needs(arena, request, question) &&
           wire_read_charges(arena, request->charges, request->n_charges, &question->charges) &&
           handler_charge_id(call, arena, request->charge_id, &question->charge_id);
}

static bool fill(struct call *call, const struct authorizer_call *ask)
{
    Postern__V1__VerifyReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL || !handler_verify_answer(call->arena, ask, reply, &call->status))
        return false;
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_VERIFY;
    call->reply.verify = reply;
    return true;
}

enum call_progress handler_verify(struct call *call)
{
    const Postern__V1__VerifyRequest *request = call->request->verify;
    struct handler_inquiry *inquiry = handler_inquiry_new(call);
    if (inquiry == NULL || !handler_verify_ask(call, call->arena, request, &inquiry->ask))
        return call_fail_memory(call);
    inquiry->fill = fill;
    return handler_decide(inquiry);
}
