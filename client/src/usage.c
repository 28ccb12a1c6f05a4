// GetUsage.
#include "call.h"
#include "wire.h"

static void to_wire(struct postern_ask *ask, const struct postern_get_usage_request *request,
                    Postern__V1__GetUsageRequest *wire)
{
    postern__v1__get_usage_request__init(wire);
    if (request->key_id != NULL) {
        wire->subject_case = POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_KEY_ID;
        wire->key_id = postern_wire_text(request->key_id);
    } else if (request->account != NULL) {
        wire->subject_case = POSTERN__V1__GET_USAGE_REQUEST__SUBJECT_ACCOUNT;
        wire->account = postern_wire_text(request->account);
    }
    wire->from_ms = request->from_ms;
    wire->to_ms = request->to_ms;
    wire->bucket_s = request->bucket_s;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_GET_USAGE;
    ask->request.get_usage = wire;
}

static void *get_usage_of(struct postern_reply_box *box)
{
    const Postern__V1__GetUsageReply *wire = (const Postern__V1__GetUsageReply *)box->result;
    struct postern_get_usage_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    struct postern_usage_bucket *buckets = postern_arena_array(&box->arena, wire->n_buckets, sizeof *buckets);
    for (size_t i = 0; buckets != NULL && i < wire->n_buckets; i++) {
        const Postern__V1__UsageBucket *from = wire->buckets[i];
        buckets[i] =
            (struct postern_usage_bucket){.start_ms = from->start_ms,
                                          .reasons = postern_counters_of(&box->arena, from->reasons, from->n_reasons),
                                          .reason_count = from->n_reasons,
                                          .costs = postern_counters_of(&box->arena, from->costs, from->n_costs),
                                          .cost_count = from->n_costs};
    }
    reply->buckets = buckets;
    reply->bucket_count = wire->n_buckets;
    return reply;
}

enum postern_status postern_get_usage(struct postern *client, const struct postern_get_usage_request *request,
                                      struct postern_get_usage_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__GetUsageRequest wire;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    to_wire(&ask, request, &wire);
    status = postern_ask_answer(client, &ask, get_usage_of, &made, error);
    *reply = made;
    return status;
}
