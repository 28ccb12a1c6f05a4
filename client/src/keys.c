// Create, Get, List, Revoke.
#include "call.h"
#include "error.h"
#include "wire.h"

// ------------------------------------------------------------------------------------------------------ Create

static void create_to_wire(struct postern_ask *ask, const struct postern_create_request *request,
                           Postern__V1__CreateRequest *wire)
{
    struct postern_arena *arena = &ask->arena;
    postern__v1__create_request__init(wire);
    wire->account = postern_wire_text(request->account);
    wire->name = postern_wire_text(request->name);
    wire->environment = (Postern__V1__Environment)request->environment;
    wire->type = (Postern__V1__KeyType)request->type;
    wire->scopes = postern_wire_texts(arena, request->scopes, request->scope_count);
    wire->n_scopes = request->scope_count;
    wire->expires_at_ms = request->expires_at_ms;
    wire->prefix = postern_wire_text(request->prefix);
    wire->metadata = postern_wire_entries(arena, request->metadata, request->metadata_count);
    wire->n_metadata = request->metadata_count;
    wire->limits = postern_wire_limits(arena, request->limits, request->limit_count);
    wire->n_limits = request->limit_count;
    wire->allowed_addresses = postern_wire_texts(arena, request->allowed_addresses, request->allowed_address_count);
    wire->n_allowed_addresses = request->allowed_address_count;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_CREATE;
    ask->request.create = wire;
}

static struct postern_create_reply *create_of(struct postern_reply_box *box)
{
    const Postern__V1__CreateReply *wire = (const Postern__V1__CreateReply *)box->result;
    struct postern_create_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->api_key = postern_text_of(wire->api_key);
    postern_key_of(&box->arena, wire->key, &reply->key);
    return reply;
}

enum postern_status postern_create(struct postern *client, const struct postern_create_request *request,
                                   struct postern_create_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__CreateRequest wire;
    struct postern_reply_box *box = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    create_to_wire(&ask, request, &wire);
    status = postern_ask_perform(client, &ask, &box, error);
    postern_ask_wipe(&ask);
    if (status != POSTERN_OK)
        return status;
    struct postern_create_reply *made = create_of(box);
    status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}

// --------------------------------------------------------------------------------------------------------- Get

static struct postern_get_reply *get_of(struct postern_reply_box *box)
{
    const Postern__V1__GetReply *wire = (const Postern__V1__GetReply *)box->result;
    struct postern_get_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        postern_key_of(&box->arena, wire->key, &reply->key);
    return reply;
}

enum postern_status postern_get(struct postern *client, const struct postern_get_request *request,
                                struct postern_get_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__GetRequest wire = POSTERN__V1__GET_REQUEST__INIT;
    struct postern_reply_box *box = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.key_id = postern_wire_text(request->key_id);
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_GET;
    ask.request.get = &wire;
    status = postern_ask_perform(client, &ask, &box, error);
    postern_ask_wipe(&ask);
    if (status != POSTERN_OK)
        return status;
    struct postern_get_reply *made = get_of(box);
    status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}

// -------------------------------------------------------------------------------------------------------- List

static void list_to_wire(struct postern_ask *ask, const struct postern_list_request *request,
                         Postern__V1__ListRequest *wire)
{
    postern__v1__list_request__init(wire);
    wire->account = postern_wire_text(request->account);
    wire->page_size = request->page_size;
    wire->page_token = postern_wire_bytes(request->page_token, request->page_token_size);
    wire->state = (Postern__V1__KeyState)request->state;
    wire->environment = (Postern__V1__Environment)request->environment;
    wire->created_before_ms = request->created_before_ms;
    wire->expires_before_ms = request->expires_before_ms;
    wire->never_used = request->never_used;
    wire->last_rolled_before_ms = request->last_rolled_before_ms;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_LIST;
    ask->request.list = wire;
}

static struct postern_list_reply *list_of(struct postern_reply_box *box)
{
    const Postern__V1__ListReply *wire = (const Postern__V1__ListReply *)box->result;
    struct postern_list_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    struct postern_key *keys = postern_arena_array(&box->arena, wire->n_keys, sizeof *keys);
    for (size_t i = 0; keys != NULL && i < wire->n_keys; i++)
        postern_key_of(&box->arena, wire->keys[i], &keys[i]);
    reply->keys = keys;
    reply->key_count = wire->n_keys;
    reply->next_page_token = wire->next_page_token.data;
    reply->next_page_token_size = wire->next_page_token.len;
    return reply;
}

enum postern_status postern_list(struct postern *client, const struct postern_list_request *request,
                                 struct postern_list_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__ListRequest wire;
    struct postern_reply_box *box = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    list_to_wire(&ask, request, &wire);
    status = postern_ask_perform(client, &ask, &box, error);
    postern_ask_wipe(&ask);
    if (status != POSTERN_OK)
        return status;
    struct postern_list_reply *made = list_of(box);
    status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}

// ------------------------------------------------------------------------------------------------------ Revoke

static enum postern_status revoke_to_wire(struct postern_ask *ask, const struct postern_revoke_request *request,
                                          Postern__V1__RevokeRequest *wire, struct postern_error *error)
{
    postern__v1__revoke_request__init(wire);
    if ((request->key_id != NULL) == (request->api_key != NULL))
        return postern_fail_field(error, POSTERN_INVALID_ARGUMENT, "revoke.which",
                                  "give exactly one of key_id and api_key");
    if (request->key_id != NULL) {
        wire->which_case = POSTERN__V1__REVOKE_REQUEST__WHICH_KEY_ID;
        wire->key_id = postern_wire_text(request->key_id);
    } else {
        wire->which_case = POSTERN__V1__REVOKE_REQUEST__WHICH_API_KEY;
        wire->api_key = postern_wire_text(request->api_key);
    }
    wire->reason = postern_wire_text(request->reason);
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_REVOKE;
    ask->request.revoke = wire;
    return POSTERN_OK;
}

static struct postern_revoke_reply *revoke_of(struct postern_reply_box *box)
{
    const Postern__V1__RevokeReply *wire = (const Postern__V1__RevokeReply *)box->result;
    struct postern_revoke_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        postern_key_of(&box->arena, wire->key, &reply->key);
    return reply;
}

enum postern_status postern_revoke(struct postern *client, const struct postern_revoke_request *request,
                                   struct postern_revoke_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__RevokeRequest wire;
    struct postern_reply_box *box = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    status = revoke_to_wire(&ask, request, &wire, error);
    if (status == POSTERN_OK)
        status = postern_ask_perform(client, &ask, &box, error);
    postern_ask_wipe(&ask);
    if (status != POSTERN_OK)
        return status;
    struct postern_revoke_reply *made = revoke_of(box);
    status = postern_ask_finish(box, made, error);
    *reply = status == POSTERN_OK ? made : NULL;
    return status;
}
