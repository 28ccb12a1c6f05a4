// PutTier, ListTiers, DeleteTier.
#include "call.h"
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

static void put_tier_to_wire(struct postern_ask *ask, const struct postern_put_tier_request *request,
                             Postern__V1__PutTierRequest *wire)
{
    postern__v1__put_tier_request__init(wire);
    wire->tier = postern_wire_text(request->tier);
    wire->limits = postern_wire_limits(&ask->arena, request->limits, request->limit_count);
    wire->n_limits = request->limit_count;
    wire->is_default = request->is_default;
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_PUT_TIER;
    ask->request.put_tier = wire;
}

static void *put_tier_of(struct postern_reply_box *box)
{
    const Postern__V1__PutTierReply *wire = (const Postern__V1__PutTierReply *)box->result;
    struct postern_put_tier_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        tier_of(&box->arena, wire->tier, &reply->tier);
    return reply;
}

enum postern_status postern_put_tier(struct postern *client, const struct postern_put_tier_request *request,
                                     struct postern_put_tier_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__PutTierRequest wire;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    put_tier_to_wire(&ask, request, &wire);
    status = postern_ask_answer(client, &ask, put_tier_of, &made, error);
    *reply = made;
    return status;
}

// --------------------------------------------------------------------------------------------------- ListTiers

static void *list_tiers_of(struct postern_reply_box *box)
{
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

enum postern_status postern_list_tiers(struct postern *client, const struct postern_list_tiers_request *request,
                                       struct postern_list_tiers_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__ListTiersRequest wire = POSTERN__V1__LIST_TIERS_REQUEST__INIT;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.page_size = request->page_size;
    wire.page_token = postern_wire_bytes(request->page_token, request->page_token_size);
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_LIST_TIERS;
    ask.request.list_tiers = &wire;
    status = postern_ask_answer(client, &ask, list_tiers_of, &made, error);
    *reply = made;
    return status;
}

// -------------------------------------------------------------------------------------------------- DeleteTier

static void *delete_tier_of(struct postern_reply_box *box)
{
    const Postern__V1__DeleteTierReply *wire = (const Postern__V1__DeleteTierReply *)box->result;
    struct postern_delete_tier_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        tier_of(&box->arena, wire->tier, &reply->tier);
    return reply;
}

enum postern_status postern_delete_tier(struct postern *client, const struct postern_delete_tier_request *request,
                                        struct postern_delete_tier_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__DeleteTierRequest wire = POSTERN__V1__DELETE_TIER_REQUEST__INIT;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.tier = postern_wire_text(request->tier);
    wire.if_version = request->if_version;
    ask.changes_registry = true;
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_DELETE_TIER;
    ask.request.delete_tier = &wire;
    status = postern_ask_answer(client, &ask, delete_tier_of, &made, error);
    *reply = made;
    return status;
}
