// Create, Get, List.
#include "call.h"
#include "wire.h"

// ------------------------------------------------------------------------------------------------------ Create

static void *create_of(struct postern_reply_box *box)
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
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    postern_wire_create(&ask.arena, request, &wire);
    ask.changes_registry = true;
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_CREATE;
    ask.request.create = &wire;
    status = postern_ask_answer(client, &ask, create_of, &made, error);
    *reply = made;
    return status;
}

// --------------------------------------------------------------------------------------------------------- Get

static void *get_of(struct postern_reply_box *box)
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
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.key_id = postern_wire_text(request->key_id);
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_GET;
    ask.request.get = &wire;
    status = postern_ask_answer(client, &ask, get_of, &made, error);
    *reply = made;
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
    wire->with_unusual = request->with_unusual;
    wire->unusual = request->unusual;
    wire->unusual_at_ms = request->unusual_at_ms;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_LIST;
    ask->request.list = wire;
}

static void *list_of(struct postern_reply_box *box)
{
    const Postern__V1__ListReply *wire = (const Postern__V1__ListReply *)box->result;
    struct postern_list_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->keys = postern_keys_of(&box->arena, wire->keys, wire->n_keys);
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
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    list_to_wire(&ask, request, &wire);
    status = postern_ask_answer(client, &ask, list_of, &made, error);
    *reply = made;
    return status;
}
