// GetUsage.
#include "call.h"
#include "error.h"
#include "wire.h"

static enum postern_status get_usage_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_get_usage_request *request = from;
    Postern__V1__GetUsageRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
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
    return POSTERN_OK;
}

static void *get_usage_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
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

static void deliver_get_usage(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_get_usage_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method get_usage_method = {get_usage_to_wire, get_usage_of, deliver_get_usage};

enum postern_status postern_get_usage(struct postern *client, const struct postern_get_usage_request *request,
                                      struct postern_get_usage_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &get_usage_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_get_usage_start(struct postern *client, const struct postern_get_usage_request *request,
                                            void (*done)(void *context, struct postern_get_usage_reply *reply,
                                                         const struct postern_error *error),
                                            void *context, struct postern_error *error)
{
    return postern_start(client, &get_usage_method, request, (postern_done *)done, context, error);
}
