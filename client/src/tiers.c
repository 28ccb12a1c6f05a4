// PutTier, ListTiers, DeleteTier.
#include "call.h"
#include "error.h"
#include "wire.h"

static void tier_of(struct postern_arena *arena, const Postern__V1__Tier *wire, struct postern_tier *tier)
{
    const Postern__V1__Tier none = POSTERN__V1__TIER__INIT;
    if (wire == NULL)
        wire = &none;
    *tier = (struct postern_tier){.tier = postern_text_of(wire->tier),
                                  .limits = postern_limits_of(arena, wire->limits, wire->n_limits),
                                  .limit_count = wire->n_limits,
                                  .is_default = wire->is_default != 0,
                                  .version = wire->version};
}

// ----------------------------------------------------------------------------------------------------- PutTier

static enum postern_status put_tier_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_put_tier_request *request = from;
    Postern__V1__PutTierRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__put_tier_request__init(wire);
    wire->tier = postern_wire_text(request->tier);
    wire->limits = postern_wire_limits(&ask->arena, request->limits, request->limit_count);
    wire->n_limits = request->limit_count;
    wire->is_default = request->is_default;
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_PUT_TIER;
    ask->request.put_tier = wire;
    return POSTERN_OK;
}

static void *put_tier_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__PutTierReply *wire = (const Postern__V1__PutTierReply *)box->result;
    struct postern_put_tier_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        tier_of(&box->arena, wire->tier, &reply->tier);
    return reply;
}

static void deliver_put_tier(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_put_tier_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method put_tier_method = {put_tier_to_wire, put_tier_of, deliver_put_tier};

enum postern_status postern_put_tier(struct postern *client, const struct postern_put_tier_request *request,
                                     struct postern_put_tier_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &put_tier_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_put_tier_start(struct postern *client, const struct postern_put_tier_request *request,
                                           void (*done)(void *context, struct postern_put_tier_reply *reply,
                                                        const struct postern_error *error),
                                           void *context, struct postern_error *error)
{
    return postern_start(client, &put_tier_method, request, (postern_done *)done, context, error);
}

// --------------------------------------------------------------------------------------------------- ListTiers

static void *list_tiers_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__ListTiersReply *wire = (const Postern__V1__ListTiersReply *)box->result;
    struct postern_list_tiers_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    struct postern_tier *tiers = postern_arena_array(&box->arena, wire->n_tiers, sizeof *tiers);
    for (size_t i = 0; tiers != NULL && i < wire->n_tiers; i++)
        tier_of(&box->arena, wire->tiers[i], &tiers[i]);
    reply->tiers = tiers;
    reply->tier_count = wire->n_tiers;
    reply->next_page_token = wire->next_page_token.data;
    reply->next_page_token_size = wire->next_page_token.len;
    return reply;
}

static enum postern_status list_tiers_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_list_tiers_request *request = from;
    Postern__V1__ListTiersRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__list_tiers_request__init(wire);
    wire->page_size = request->page_size;
    wire->page_token = postern_wire_bytes(request->page_token, request->page_token_size);
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_LIST_TIERS;
    ask->request.list_tiers = wire;
    return POSTERN_OK;
}

static void deliver_list_tiers(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_list_tiers_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method list_tiers_method = {list_tiers_to_wire, list_tiers_of, deliver_list_tiers};

enum postern_status postern_list_tiers(struct postern *client, const struct postern_list_tiers_request *request,
                                       struct postern_list_tiers_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &list_tiers_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_list_tiers_start(struct postern *client, const struct postern_list_tiers_request *request,
                                             void (*done)(void *context, struct postern_list_tiers_reply *reply,
                                                          const struct postern_error *error),
                                             void *context, struct postern_error *error)
{
    return postern_start(client, &list_tiers_method, request, (postern_done *)done, context, error);
}

// -------------------------------------------------------------------------------------------------- DeleteTier

static void *delete_tier_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__DeleteTierReply *wire = (const Postern__V1__DeleteTierReply *)box->result;
    struct postern_delete_tier_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        tier_of(&box->arena, wire->tier, &reply->tier);
    return reply;
}

static enum postern_status delete_tier_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_delete_tier_request *request = from;
    Postern__V1__DeleteTierRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__delete_tier_request__init(wire);
    wire->tier = postern_wire_text(request->tier);
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_DELETE_TIER;
    ask->request.delete_tier = wire;
    return POSTERN_OK;
}

static void deliver_delete_tier(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_delete_tier_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method delete_tier_method = {delete_tier_to_wire, delete_tier_of, deliver_delete_tier};

enum postern_status postern_delete_tier(struct postern *client, const struct postern_delete_tier_request *request,
                                        struct postern_delete_tier_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &delete_tier_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_delete_tier_start(struct postern *client, const struct postern_delete_tier_request *request,
                                              void (*done)(void *context, struct postern_delete_tier_reply *reply,
                                                           const struct postern_error *error),
                                              void *context, struct postern_error *error)
{
    return postern_start(client, &delete_tier_method, request, (postern_done *)done, context, error);
}
