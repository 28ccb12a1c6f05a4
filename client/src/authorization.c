// Verify, VerifyBatch, RateCheck. What their tables cannot say is the same in all three: the charge's id, which only
// the request has; the meter that decided, which is an index on the wire; and the answer that the policy gives.
#include "call.h"
#include "error.h"
#include "system.h"

#include <stdio.h>
#include <string.h>

static const struct postern_table postern_charge_table = TABLE(charge, ROWS(ROW(charge, resource), ROW(charge, cost)));

static const struct postern_table postern_meter_table =
    TABLE(meter,
          ROWS(ROW(meter, resource), ROW(meter, algorithm), ROW(meter, window_s), ROW(meter, period), ROW(meter, limit),
               ROW(meter, remaining), ROW(meter, reset_at_ms), ROW(meter, retry_after_ms), ROW(meter, subject),
               ROW(meter, unlimited), ROW(meter, burst), ROW(meter, shadow), ROW(meter, would_refuse)));

#define ROWS_DECISION(of)                                                                                              \
    ROW(of, allowed), ROW(of, reason), ROW(of, http_status), ROW(of, account), ROW(of, key_id), ROW(of, tier),         \
        ROW_STRUCTS(of, meters, meter_count, meter), ROW(of, retry_after_ms)

// The caller's id, else `own`, which has to live as long as the message.
static ProtobufCBinaryData choose_charge_id(const uint8_t *given, const uint8_t own[POSTERN_ID_SIZE])
{
    return postern_wire_bytes(given != NULL ? given : own, POSTERN_ID_SIZE);
}

// Only the request knows it. False: it had none.
static bool note_charge_id(ProtobufCBinaryData asked, uint8_t id[POSTERN_ID_SIZE])
{
    if (asked.len == POSTERN_ID_SIZE)
        memcpy(id, asked.data, POSTERN_ID_SIZE);
    return asked.len == POSTERN_ID_SIZE;
}

// `position` counts from 1. NULL: there is none.
static const struct postern_meter *binding_meter(const struct postern_meter *meters, size_t count, uint32_t position)
{
    return meters != NULL && position >= 1 && position <= count ? &meters[position - 1] : NULL;
}

// ------------------------------------------------------------------------------------------------------ Verify

static enum postern_status complete_verify(struct postern_ask *ask, const void *from, void *to,
                                           struct postern_error *error)
{
    const struct postern_verify_request *request = from;
    Postern__V1__VerifyRequest *message = to;
    (void)error;
    if (!request->peek)
        message->charge_id = choose_charge_id(request->charge_id, ask->charge_id);
    return POSTERN_OK;
}

// What the table does not say of one reply, alone or in a batch.
static void finish_decision(const Postern__V1__VerifyReply *wire, const Postern__V1__VerifyRequest *asked,
                            bool by_policy, struct postern_verify_reply *reply)
{
    reply->decided_by_policy = by_policy;
    reply->has_charge_id = note_charge_id(asked->charge_id, reply->charge_id);
    reply->binding_meter = binding_meter(reply->meters, reply->meter_count, wire->binding_meter);
}

static enum postern_status finish_verify(const struct postern_answer *answer, void *reply, struct postern_error *error)
{
    (void)error;
    finish_decision((const Postern__V1__VerifyReply *)answer->box->result, answer->ask->request.verify,
                    answer->by_policy, reply);
    return POSTERN_OK;
}

static Postern__V1__VerifyReply allowed_by_policy(void)
{
    Postern__V1__VerifyReply open = POSTERN__V1__VERIFY_REPLY__INIT;
    open.allowed = true;
    open.http_status = 200;
    return open;
}

static void open_verify(const struct postern_ask *ask, struct postern_arena *arena, void *result)
{
    (void)ask;
    (void)arena;
    *(Postern__V1__VerifyReply *)result = allowed_by_policy();
}

static const struct postern_table postern_scope_alternatives_table =
    TABLE(scope_alternatives, ROWS(ROW_TEXTS(scope_alternatives, scopes, scope_count)));

POSTERN_CALL(verify, VERIFY,
             ROWS(ROW(verify_request, api_key), ROW_TEXTS(verify_request, scopes, scope_count),
                  ROW(verify_request, account), ROW(verify_request, environment), ROW(verify_request, secret_only),
                  ROW(verify_request, remote_address), ROW_STRUCTS(verify_request, charges, charge_count, charge),
                  ROW(verify_request, peek),
                  ROW_STRUCTS(verify_request, scope_alternatives, scope_alternatives_count, scope_alternatives)),
             ROWS(ROWS_DECISION(verify_reply), ROW(verify_reply, key_name), ROW(verify_reply, environment),
                  ROW(verify_reply, type), ROW_TEXTS(verify_reply, scopes, scope_count),
                  ROW_TEXTS(verify_reply, missing_scopes, missing_scope_count),
                  ROW_STRUCTS(verify_reply, metadata, metadata_count, entry), ROW(verify_reply, expires_at_ms),
                  ROW(verify_reply, successor_key_id)),
             .complete = complete_verify, .finish = finish_verify, .open = open_verify);

// ------------------------------------------------------------------------------------------------- VerifyBatch

static enum postern_status complete_batch(struct postern_ask *ask, const void *from, void *to,
                                          struct postern_error *error)
{
    const struct postern_verify_batch_request *request = from;
    Postern__V1__VerifyBatchRequest *message = to;
    uint8_t *own = postern_arena_array(&ask->arena, request->call_count, POSTERN_ID_SIZE);
    for (size_t i = 0; own != NULL && i < request->call_count; i++, own += POSTERN_ID_SIZE) {
        if (!postern_random(own, POSTERN_ID_SIZE))
            return postern_fail(error, POSTERN_INTERNAL, "the system gave no random bytes");
        if (!request->calls[i].peek)
            message->calls[i]->charge_id = choose_charge_id(request->calls[i].charge_id, own);
    }
    return POSTERN_OK;
}

// Copies the status that posternd gave; where it gave none, the call was decided.
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

// One call of the batch: what posternd decided; where it could not, what the policy does, whatever its reply says.
static void read_part(const struct postern_answer *answer, size_t n, const Postern__V1__Status *status,
                      struct postern_batch_status *outcome, struct postern_verify_reply *reply)
{
    const Postern__V1__VerifyReply none = POSTERN__V1__VERIFY_REPLY__INIT, open = allowed_by_policy();
    const Postern__V1__VerifyReply *wire = ((const Postern__V1__VerifyBatchReply *)answer->box->result)->replies[n];
    *outcome = status_of(status);
    bool opened = postern_policy_decides(answer->policy, outcome->status);
    if (outcome->status != POSTERN_OK)
        wire = opened ? &open : &none;
    reply->base = postern_reply_base_of(answer->box, status);
    postern_wire_read(&answer->box->arena, &postern_verify_reply_table, &wire->base, reply);
    finish_decision(wire, answer->ask->request.verify_batch->calls[n], answer->by_policy || opened, reply);
}

// There must be an answer to each call, and a status for each or for none: a server that never fails a call sends none.
static enum postern_status check_counts(const Postern__V1__VerifyBatchReply *wire, size_t asked,
                                        struct postern_error *error)
{
    if (wire->n_replies == asked && (wire->n_statuses == 0 || wire->n_statuses == asked))
        return POSTERN_OK;
    return postern_fail(error, POSTERN_INTERNAL, "posternd gave %zu answers and %zu statuses to %zu calls",
                        wire->n_replies, wire->n_statuses, asked);
}

static enum postern_status finish_batch(const struct postern_answer *answer, void *to, struct postern_error *error)
{
    const Postern__V1__VerifyBatchReply *wire = (const Postern__V1__VerifyBatchReply *)answer->box->result;
    struct postern_arena *arena = &answer->box->arena;
    struct postern_verify_batch_reply *reply = to;
    const size_t count = wire->n_replies;
    enum postern_status status = check_counts(wire, answer->ask->request.verify_batch->n_calls, error);
    if (status != POSTERN_OK)
        return status;
    struct postern_verify_reply *replies = postern_arena_array(arena, count, sizeof *replies);
    struct postern_batch_status *statuses = postern_arena_array(arena, count, sizeof *statuses);
    for (size_t n = 0; replies != NULL && statuses != NULL && n < count; n++)
        read_part(answer, n, wire->n_statuses > 0 ? wire->statuses[n] : NULL, &statuses[n], &replies[n]);
    reply->replies = replies;
    reply->statuses = statuses;
    reply->reply_count = count;
    return POSTERN_OK;
}

// An answer for each call.
static void open_batch(const struct postern_ask *ask, struct postern_arena *arena, void *result)
{
    const size_t count = ask->request.verify_batch->n_calls;
    Postern__V1__VerifyBatchReply *wire = result;
    Postern__V1__VerifyReply *replies = postern_arena_array(arena, count, sizeof *replies);
    wire->replies = postern_arena_array(arena, count, sizeof wire->replies[0]);
    for (size_t i = 0; !arena->failed && i < count; i++) {
        replies[i] = allowed_by_policy();
        wire->replies[i] = &replies[i];
    }
    wire->n_replies = count;
}

POSTERN_CALL(verify_batch, VERIFY_BATCH,
             ROWS(ROW_STRUCTS(verify_batch_request, calls, call_count, verify_request),
                  ROW(verify_batch_request, atomic)),
             ROWS(ROW_NONE), .complete = complete_batch, .finish = finish_batch, .open = open_batch);

// --------------------------------------------------------------------------------------------------- RateCheck

// Its limits are not in the table, because they come in two forms.
static const struct postern_table postern_custom_table =
    TABLE(custom, ROWS(ROW_AS(custom, space, namespace_), ROW(custom, identifier), ROW(custom, relaxed)));

// The limits of both forms, one after the other.
static enum postern_status set_limits(struct postern_arena *arena, const struct postern_custom *custom,
                                      Postern__V1__Custom *message, struct postern_error *error)
{
    const size_t count = custom->limit_count + custom->limit_text_count;
    struct postern_limit *limits = postern_arena_array(arena, count, sizeof *limits);
    if (limits == NULL)
        return POSTERN_OK; // none, or memory is out
    if (custom->limit_count > 0)
        memcpy(limits, custom->limits, custom->limit_count * sizeof *limits);
    for (size_t i = custom->limit_count; i < count; i++) {
        enum postern_status status =
            postern_limit_parse(custom->limit_texts[i - custom->limit_count], &limits[i], error);
        if (status == POSTERN_OK)
            continue;
        if (error != NULL)
            snprintf(error->field, sizeof error->field, "rate_check.custom.limits[%zu]", i);
        return status;
    }
    message->limits = postern_wire_messages(arena, &postern_limit_table, limits, count);
    message->n_limits = count;
    return POSTERN_OK;
}

static enum postern_status complete_subject(struct postern_ask *ask, const struct postern_rate_check_request *request,
                                            Postern__V1__RateCheckRequest *message, struct postern_error *error)
{
    int subjects =
        (request->api_key != NULL) + (request->key_id != NULL) + (request->account != NULL) + (request->custom != NULL);
    if (subjects != 1)
        return postern_fail_field(error, POSTERN_INVALID_ARGUMENT, "rate_check.subject",
                                  "%s: give exactly one of api_key, key_id, account and custom",
                                  subjects == 0 ? "no subject" : "more than one subject");
    if (request->custom == NULL)
        return POSTERN_OK;
    message->subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_CUSTOM;
    return set_limits(&ask->arena, request->custom, message->custom, error);
}

static enum postern_status complete_rate_check(struct postern_ask *ask, const void *from, void *to,
                                               struct postern_error *error)
{
    const struct postern_rate_check_request *request = from;
    Postern__V1__RateCheckRequest *message = to;
    enum postern_status status = complete_subject(ask, request, message, error);
    if (status != POSTERN_OK)
        return status;
    bool settles = request->mode == POSTERN_RATE_CHECK_SETTLE;
    ask->works_once = request->mode == POSTERN_RATE_CHECK_REFUND;
    ask->comes_afterwards =
        ask->works_once || settles || request->overdraw || request->mode == POSTERN_RATE_CHECK_REFUND_AMOUNT;
    if ((ask->works_once || settles) && request->charge_id == NULL)
        return postern_fail_field(error, POSTERN_INVALID_ARGUMENT, "rate_check.charge_id",
                                  "%s names the charge: set charge_id", settles ? "to settle" : "a refund");
    if (request->mode != POSTERN_RATE_CHECK_PEEK)
        message->charge_id = choose_charge_id(request->charge_id, ask->charge_id);
    return POSTERN_OK;
}

static enum postern_status finish_rate_check(const struct postern_answer *answer, void *to, struct postern_error *error)
{
    const Postern__V1__RateCheckReply *wire = (const Postern__V1__RateCheckReply *)answer->box->result;
    struct postern_rate_check_reply *reply = to;
    (void)error;
    reply->decided_by_policy = answer->by_policy;
    reply->has_charge_id = note_charge_id(answer->ask->request.rate_check->charge_id, reply->charge_id);
    reply->binding_meter = binding_meter(reply->meters, reply->meter_count, wire->binding_meter);
    return POSTERN_OK;
}

static void open_rate_check(const struct postern_ask *ask, struct postern_arena *arena, void *result)
{
    Postern__V1__RateCheckReply *wire = result;
    (void)ask;
    (void)arena;
    wire->allowed = true;
    wire->http_status = 200;
}

POSTERN_CALL(rate_check, RATE_CHECK,
             ROWS(ROW_CHOICE(rate_check_request, subject, api_key, POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_API_KEY),
                  ROW_CHOICE(rate_check_request, subject, key_id, POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_KEY_ID),
                  ROW_CHOICE(rate_check_request, subject, account, POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_ACCOUNT),
                  ROW_OPTIONAL(rate_check_request, custom, custom),
                  ROW_STRUCTS(rate_check_request, charges, charge_count, charge), ROW(rate_check_request, mode),
                  ROW(rate_check_request, overdraw)),
             ROWS(ROWS_DECISION(rate_check_reply)), .complete = complete_rate_check, .finish = finish_rate_check,
             .open = open_rate_check);
