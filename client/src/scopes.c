// PutScope, ListScopes, DeleteScope.
#include "call.h"
#include "wire.h"

static void scope_of(struct postern_arena *arena, const Postern__V1__Scope *wire, struct postern_scope *scope)
{
    const Postern__V1__Scope none = POSTERN__V1__SCOPE__INIT;
    if (wire == NULL)
        wire = &none;
    *scope = (struct postern_scope){.scope = postern_text_of(wire->scope),
                                    .description = postern_text_of(wire->description),
                                    .implies = postern_texts_of(arena, wire->implies, wire->n_implies),
                                    .implies_count = wire->n_implies,
                                    .is_default = wire->is_default != 0,
                                    .public_safe = wire->public_safe != 0,
                                    .version = wire->version};
}

// ---------------------------------------------------------------------------------------------------- PutScope

static void put_scope_to_wire(struct postern_ask *ask, const struct postern_put_scope_request *request,
                              Postern__V1__PutScopeRequest *wire)
{
    postern__v1__put_scope_request__init(wire);
    wire->scope = postern_wire_text(request->scope);
    wire->description = postern_wire_text(request->description);
    wire->implies = postern_wire_texts(&ask->arena, request->implies, request->implies_count);
    wire->n_implies = request->implies_count;
    wire->is_default = request->is_default;
    wire->public_safe = request->public_safe;
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_PUT_SCOPE;
    ask->request.put_scope = wire;
}

static void *put_scope_of(struct postern_reply_box *box)
{
    const Postern__V1__PutScopeReply *wire = (const Postern__V1__PutScopeReply *)box->result;
    struct postern_put_scope_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        scope_of(&box->arena, wire->scope, &reply->scope);
    return reply;
}

enum postern_status postern_put_scope(struct postern *client, const struct postern_put_scope_request *request,
                                      struct postern_put_scope_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__PutScopeRequest wire;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    put_scope_to_wire(&ask, request, &wire);
    status = postern_ask_answer(client, &ask, put_scope_of, &made, error);
    *reply = made;
    return status;
}

// -------------------------------------------------------------------------------------------------- ListScopes

static void *list_scopes_of(struct postern_reply_box *box)
{
    const Postern__V1__ListScopesReply *wire = (const Postern__V1__ListScopesReply *)box->result;
    struct postern_list_scopes_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    struct postern_scope *scopes = postern_arena_array(&box->arena, wire->n_scopes, sizeof *scopes);
    for (size_t i = 0; scopes != NULL && i < wire->n_scopes; i++)
        scope_of(&box->arena, wire->scopes[i], &scopes[i]);
    reply->scopes = scopes;
    reply->scope_count = wire->n_scopes;
    reply->next_page_token = wire->next_page_token.data;
    reply->next_page_token_size = wire->next_page_token.len;
    return reply;
}

enum postern_status postern_list_scopes(struct postern *client, const struct postern_list_scopes_request *request,
                                        struct postern_list_scopes_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__ListScopesRequest wire = POSTERN__V1__LIST_SCOPES_REQUEST__INIT;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.page_size = request->page_size;
    wire.page_token = postern_wire_bytes(request->page_token, request->page_token_size);
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_LIST_SCOPES;
    ask.request.list_scopes = &wire;
    status = postern_ask_answer(client, &ask, list_scopes_of, &made, error);
    *reply = made;
    return status;
}

// ------------------------------------------------------------------------------------------------- DeleteScope

static void *delete_scope_of(struct postern_reply_box *box)
{
    const Postern__V1__DeleteScopeReply *wire = (const Postern__V1__DeleteScopeReply *)box->result;
    struct postern_delete_scope_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        scope_of(&box->arena, wire->scope, &reply->scope);
    return reply;
}

enum postern_status postern_delete_scope(struct postern *client, const struct postern_delete_scope_request *request,
                                         struct postern_delete_scope_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__DeleteScopeRequest wire = POSTERN__V1__DELETE_SCOPE_REQUEST__INIT;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.scope = postern_wire_text(request->scope);
    wire.if_version = request->if_version;
    ask.changes_registry = true;
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_DELETE_SCOPE;
    ask.request.delete_scope = &wire;
    status = postern_ask_answer(client, &ask, delete_scope_of, &made, error);
    *reply = made;
    return status;
}
