// RateCheck.
#include "authorization.h"
#include "error.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>

// Messages of one RateCheck request.
struct rate_check_wire {
    Postern__V1__RateCheckRequest request;
    Postern__V1__Custom custom;
};

// The limits of both forms, one after the other. NULL with OK: none, or the arena has failed.
static enum postern_status read_limits(struct postern_arena *arena, const struct postern_custom *custom,
                                       struct postern_limit **limits, struct postern_error *error)
{
    size_t count = custom->limit_count + custom->limit_text_count;
    *limits = postern_arena_array(arena, count, sizeof **limits);
    if (*limits == NULL)
        return POSTERN_OK;
    if (custom->limit_count > 0)
        memcpy(*limits, custom->limits, custom->limit_count * sizeof **limits);
    for (size_t i = 0; i < custom->limit_text_count; i++) {
        size_t at = custom->limit_count + i;
        enum postern_status status = postern_limit_parse(custom->limit_texts[i], &(*limits)[at], error);
        if (status == POSTERN_OK)
            continue;
        if (error != NULL)
            snprintf(error->field, sizeof error->field, "rate_check.custom.limits[%zu]", at);
        return status;
    }
    return POSTERN_OK;
}

static enum postern_status custom_to_wire(struct postern_ask *ask, const struct postern_custom *custom,
                                          Postern__V1__Custom *wire, struct postern_error *error)
{
    struct postern_limit *limits;
    enum postern_status status = read_limits(&ask->arena, custom, &limits, error);
    if (status != POSTERN_OK)
        return status;
    postern__v1__custom__init(wire);
    wire->namespace_ = postern_wire_text(custom->space);
    wire->identifier = postern_wire_text(custom->identifier);
    wire->n_limits = limits != NULL ? custom->limit_count + custom->limit_text_count : 0;
    wire->limits = postern_wire_limits(&ask->arena, limits, wire->n_limits);
    wire->relaxed = custom->relaxed;
    return POSTERN_OK;
}

static enum postern_status set_subject(struct postern_ask *ask, const struct postern_rate_check_request *request,
                                       struct rate_check_wire *wire, struct postern_error *error)
{
    int subjects =
        (request->api_key != NULL) + (request->key_id != NULL) + (request->account != NULL) + (request->custom != NULL);
    if (subjects != 1)
        return postern_fail_field(error, POSTERN_INVALID_ARGUMENT, "rate_check.subject",
                                  "%s: give exactly one of api_key, key_id, account and custom",
                                  subjects == 0 ? "no subject" : "more than one subject");
    Postern__V1__RateCheckRequest *to = &wire->request;
    if (request->api_key != NULL) {
        to->subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_API_KEY;
        to->api_key = postern_wire_text(request->api_key);
    } else if (request->key_id != NULL) {
        to->subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_KEY_ID;
        to->key_id = postern_wire_text(request->key_id);
    } else if (request->account != NULL) {
        to->subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_ACCOUNT;
        to->account = postern_wire_text(request->account);
    } else {
        to->subject_case = POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_CUSTOM;
        to->custom = &wire->custom;
        return custom_to_wire(ask, request->custom, &wire->custom, error);
    }
    return POSTERN_OK;
}

static struct postern_reply_box *open_rate_check(const struct postern_ask *ask)
{
    Postern__V1__RateCheckReply open = POSTERN__V1__RATE_CHECK_REPLY__INIT;
    (void)ask;
    open.allowed = true;
    open.http_status = 200;
    return postern_reply_made(&open.base);
}

static enum postern_status rate_check_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_rate_check_request *request = from;
    struct rate_check_wire *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    Postern__V1__RateCheckRequest *to = &wire->request;
    postern__v1__rate_check_request__init(to);
    enum postern_status status = set_subject(ask, request, wire, error);
    if (status != POSTERN_OK)
        return status;
    ask->works_once = request->mode == POSTERN_RATE_CHECK_REFUND;
    if (ask->works_once && request->charge_id == NULL)
        return postern_fail_field(error, POSTERN_INVALID_ARGUMENT, "rate_check.charge_id",
                                  "a refund names the charge to give back: set charge_id");
    to->charges = postern_wire_charges(&ask->arena, request->charges, request->charge_count);
    to->n_charges = request->charge_count;
    to->mode = (Postern__V1__RateCheckMode)request->mode;
    if (request->charge_id != NULL)
        memcpy(ask->charge_id, request->charge_id, POSTERN_ID_SIZE);
    if (request->mode != POSTERN_RATE_CHECK_PEEK)
        to->charge_id = postern_wire_bytes(ask->charge_id, POSTERN_ID_SIZE);
    if (!ask->works_once) // a refund cannot be granted without posternd
        ask->open = open_rate_check;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_RATE_CHECK;
    ask->request.rate_check = to;
    return POSTERN_OK;
}

static void *rate_check_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__RateCheckReply *wire = (const Postern__V1__RateCheckReply *)box->result;
    struct postern_rate_check_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->allowed = wire->allowed != 0;
    reply->reason = (enum postern_reason)wire->reason;
    reply->http_status = wire->http_status;
    reply->account = postern_text_of(wire->account);
    reply->key_id = postern_text_of(wire->key_id);
    reply->tier = postern_text_of(wire->tier);
    reply->meters = postern_meters_of(&box->arena, wire->meters, wire->n_meters);
    reply->meter_count = wire->n_meters;
    reply->binding_meter = postern_binding_meter(reply->meters, reply->meter_count, wire->binding_meter);
    reply->retry_after_ms = wire->retry_after_ms;
    reply->has_charge_id = answer->ask->request.rate_check->charge_id.len == POSTERN_ID_SIZE;
    if (reply->has_charge_id)
        memcpy(reply->charge_id, answer->ask->request.rate_check->charge_id.data, POSTERN_ID_SIZE);
    reply->decided_by_policy = answer->by_policy;
    return reply;
}

static void deliver_rate_check(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_rate_check_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method rate_check_method = {rate_check_to_wire, rate_check_of, deliver_rate_check};

enum postern_status postern_rate_check(struct postern *client, const struct postern_rate_check_request *request,
                                       struct postern_rate_check_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &rate_check_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_rate_check_start(struct postern *client, const struct postern_rate_check_request *request,
                                             void (*done)(void *context, struct postern_rate_check_reply *reply,
                                                          const struct postern_error *error),
                                             void *context, struct postern_error *error)
{
    return postern_start(client, &rate_check_method, request, (postern_done *)done, context, error);
}
