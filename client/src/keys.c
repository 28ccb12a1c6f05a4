// Create, Get, List.
#include "call.h"
#include "error.h"
#include "wire.h"

// ------------------------------------------------------------------------------------------------------ Create

static void *create_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__CreateReply *wire = (const Postern__V1__CreateReply *)box->result;
    struct postern_create_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->api_key = postern_text_of(wire->api_key);
    postern_key_of(&box->arena, wire->key, &reply->key);
    return reply;
}

static enum postern_status create_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_create_request *request = from;
    Postern__V1__CreateRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__create_request__init(wire);
    postern_wire_create(&ask->arena, request, wire);
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_CREATE;
    ask->request.create = wire;
    return POSTERN_OK;
}

static void deliver_create(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_create_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method create_method = {create_to_wire, create_of, deliver_create};

enum postern_status postern_create(struct postern *client, const struct postern_create_request *request,
                                   struct postern_create_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &create_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_create_start(struct postern *client, const struct postern_create_request *request,
                                         void (*done)(void *context, struct postern_create_reply *reply,
                                                      const struct postern_error *error),
                                         void *context, struct postern_error *error)
{
    return postern_start(client, &create_method, request, (postern_done *)done, context, error);
}

// --------------------------------------------------------------------------------------------------------- Get

static void *get_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__GetReply *wire = (const Postern__V1__GetReply *)box->result;
    struct postern_get_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        postern_key_of(&box->arena, wire->key, &reply->key);
    return reply;
}

static enum postern_status get_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_get_request *request = from;
    Postern__V1__GetRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__get_request__init(wire);
    wire->key_id = postern_wire_text(request->key_id);
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_GET;
    ask->request.get = wire;
    return POSTERN_OK;
}

static void deliver_get(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_get_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method get_method = {get_to_wire, get_of, deliver_get};

enum postern_status postern_get(struct postern *client, const struct postern_get_request *request,
                                struct postern_get_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &get_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_get_start(struct postern *client, const struct postern_get_request *request,
                                      void (*done)(void *context, struct postern_get_reply *reply,
                                                   const struct postern_error *error),
                                      void *context, struct postern_error *error)
{
    return postern_start(client, &get_method, request, (postern_done *)done, context, error);
}

// -------------------------------------------------------------------------------------------------------- List

static enum postern_status list_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_list_request *request = from;
    Postern__V1__ListRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
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
    return POSTERN_OK;
}

static void *list_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
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

static void deliver_list(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_list_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method list_method = {list_to_wire, list_of, deliver_list};

enum postern_status postern_list(struct postern *client, const struct postern_list_request *request,
                                 struct postern_list_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &list_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_list_start(struct postern *client, const struct postern_list_request *request,
                                       void (*done)(void *context, struct postern_list_reply *reply,
                                                    const struct postern_error *error),
                                       void *context, struct postern_error *error)
{
    return postern_start(client, &list_method, request, (postern_done *)done, context, error);
}
