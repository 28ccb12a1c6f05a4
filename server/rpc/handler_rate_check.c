#include "rpc/handler.h"
#include "rpc/wire.h"

static bool answer(struct call *call, const struct authorizer_decision *decision)
{
    Postern__V1__RateCheckReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL)
        return false;
    postern__v1__rate_check_reply__init(reply);
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_RATE_CHECK;
    call->reply.rate_check = reply;
    reply->allowed = decision->reason == REASON_ALLOWED;
    reply->reason = (Postern__V1__Reason)decision->reason;
    reply->http_status = reason_http_status(decision->reason);
    if (decision->has_account) {
        reply->account = wire_text(decision->account.id);
        reply->tier = wire_text(decision->account.tier);
    }
    reply->n_meters = decision->meter_count;
    reply->binding_meter = (uint32_t)decision->binding_meter;
    reply->retry_after_ms = decision->retry_after_ms;
    return (!decision->has_key_id || wire_key_id(call->arena, decision->key_id, &reply->key_id)) &&
           wire_meters(call->arena, decision->meters, decision->meter_count, &reply->meters);
}

static enum call_progress ask(struct call *call, struct handler_decision *decision)
{
    const Postern__V1__RateCheckRequest *request = call->request->rate_check;
    switch (request->subject_case) {
    case POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_API_KEY:
        decision->ask.subject = AUTHORIZER_BY_TOKEN;
        decision->ask.question.token = wire_slice(request->api_key);
        return handler_decide(decision);
    case POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_KEY_ID:
        decision->ask.subject = AUTHORIZER_BY_KEY_ID;
        if (!key_id_parse(wire_slice(request->key_id), decision->ask.key_id))
            return call_fail_member(call, "key_id", "is empty");
        return handler_decide(decision);
    case POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_ACCOUNT:
        decision->ask.subject = AUTHORIZER_BY_ACCOUNT;
        decision->ask.question.account = wire_slice(request->account);
        if (request->account.len == 0)
            return call_fail_member(call, "account", "is empty");
        return handler_decide(decision);
    case POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_CUSTOM:
        return call_fail(call, STATUS_UNIMPLEMENTED, "rate_check.custom", "this server does not offer custom subjects");
    default:
        return call_fail_member(call, "subject", "is missing: set api_key, key_id or account");
    }
}

enum call_progress handler_rate_check(struct call *call)
{
    const Postern__V1__RateCheckRequest *request = call->request->rate_check;
    if (request->mode == POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_REFUND)
        return call_fail(call, STATUS_UNIMPLEMENTED, "rate_check.mode", "this server does not offer refunds");
    if (request->n_charges == 0)
        return call_fail_member(call, "charges", "is empty: name at least one resource to charge");
    struct handler_decision *decision = handler_decision_new(call, request->charges, request->n_charges);
    if (decision == NULL)
        return call_fail_memory(call);
    decision->answer = answer;
    decision->ask.question.peek = request->mode == POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_PEEK;
    return ask(call, decision);
}
