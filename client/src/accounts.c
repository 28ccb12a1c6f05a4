// PutAccount, PutTier.
#include "call.h"
#include "error.h"
#include "wire.h"

// -------------------------------------------------------------------------------------------------- PutAccount

static Postern__V1__Environment *environments_to_wire(struct postern_arena *arena,
                                                      const enum postern_environment *environments, size_t count)
{
    Postern__V1__Environment *wire = postern_arena_array(arena, count, sizeof *wire);
    for (size_t i = 0; wire != NULL && i < count; i++)
        wire[i] = (Postern__V1__Environment)environments[i];
    return wire;
}

static const enum postern_environment *environments_of(struct postern_arena *arena,
                                                       const Postern__V1__Environment *wire, size_t count)
{
    enum postern_environment *environments = postern_arena_array(arena, count, sizeof *environments);
    for (size_t i = 0; environments != NULL && i < count; i++)
        environments[i] = (enum postern_environment)wire[i];
    return environments;
}

static void put_account_to_wire(struct postern_ask *ask, const struct postern_put_account_request *request,
                                Postern__V1__PutAccountRequest *wire)
{
    struct postern_arena *arena = &ask->arena;
    postern__v1__put_account_request__init(wire);
    wire->account = postern_wire_text(request->account);
    wire->display_name = postern_wire_text(request->display_name);
    wire->tier = postern_wire_text(request->tier);
    wire->environments = environments_to_wire(arena, request->environments, request->environment_count);
    wire->n_environments = request->environment_count;
    wire->suspended = request->suspended;
    wire->limits = postern_wire_limits(arena, request->limits, request->limit_count);
    wire->n_limits = request->limit_count;
    wire->max_keys = request->max_keys;
    wire->no_default_public_key = request->no_default_public_key;
    wire->metadata = postern_wire_entries(arena, request->metadata, request->metadata_count);
    wire->n_metadata = request->metadata_count;
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_PUT_ACCOUNT;
    ask->request.put_account = wire;
}

static void account_of(struct postern_arena *arena, const Postern__V1__Account *wire, struct postern_account *account)
{
    const Postern__V1__Account none = POSTERN__V1__ACCOUNT__INIT;
    if (wire == NULL)
        wire = &none;
    *account = (struct postern_account){
        .account = postern_text_of(wire->account),
        .display_name = postern_text_of(wire->display_name),
        .tier = postern_text_of(wire->tier),
        .environments = environments_of(arena, wire->environments, wire->n_environments),
        .environment_count = wire->n_environments,
        .suspended = wire->suspended != 0,
        .limits = postern_limits_of(arena, wire->limits, wire->n_limits),
        .limit_count = wire->n_limits,
        .max_keys = wire->max_keys,
        .no_default_public_key = wire->no_default_public_key != 0,
        .metadata = postern_entries_of(arena, wire->metadata, wire->n_metadata),
        .metadata_count = wire->n_metadata,
        .created_at_ms = wire->created_at_ms,
        .version = wire->version,
        .revoked_before_ms = wire->revoked_before_ms,
    };
}

static struct postern_put_account_reply *put_account_of(struct postern_reply_box *box)
{
    const Postern__V1__PutAccountReply *wire = (const Postern__V1__PutAccountReply *)box->result;
    struct postern_put_account_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    account_of(&box->arena, wire->account, &reply->account);
    if (wire->default_public_key == NULL)
        return reply;
    struct postern_key *key = postern_arena_take(&box->arena, sizeof *key);
    if (key != NULL)
        postern_key_of(&box->arena, wire->default_public_key, key);
    reply->default_public_key = key;
    return reply;
}

enum postern_status postern_put_account(struct postern *client, const struct postern_put_account_request *request,
                                        struct postern_put_account_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__PutAccountRequest wire;
    struct postern_reply_box *box = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    put_account_to_wire(&ask, request, &wire);
    status = postern_ask_perform(client, &ask, &box, error);
    postern_ask_wipe(&ask);
    if (status != POSTERN_OK)
        return status;
    struct postern_put_account_reply *made = put_account_of(box);
    status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
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

static struct postern_put_tier_reply *put_tier_of(struct postern_reply_box *box)
{
    const Postern__V1__Tier none = POSTERN__V1__TIER__INIT;
    const Postern__V1__Tier *wire = ((const Postern__V1__PutTierReply *)box->result)->tier;
    if (wire == NULL)
        wire = &none;
    struct postern_put_tier_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->tier = (struct postern_tier){.tier = postern_text_of(wire->tier),
                                        .limits = postern_limits_of(&box->arena, wire->limits, wire->n_limits),
                                        .limit_count = wire->n_limits,
                                        .is_default = wire->is_default != 0,
                                        .version = wire->version};
    return reply;
}

enum postern_status postern_put_tier(struct postern *client, const struct postern_put_tier_request *request,
                                     struct postern_put_tier_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__PutTierRequest wire;
    struct postern_reply_box *box = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    put_tier_to_wire(&ask, request, &wire);
    status = postern_ask_perform(client, &ask, &box, error);
    postern_ask_wipe(&ask);
    if (status != POSTERN_OK)
        return status;
    struct postern_put_tier_reply *made = put_tier_of(box);
    status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}
