// PutScope, ListScopes, DeleteScope.
#include "call.h"
#include "error.h"
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

static enum postern_status put_scope_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_put_scope_request *request = from;
    Postern__V1__PutScopeRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
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
    return POSTERN_OK;
}

static void *put_scope_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__PutScopeReply *wire = (const Postern__V1__PutScopeReply *)box->result;
    struct postern_put_scope_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        scope_of(&box->arena, wire->scope, &reply->scope);
    return reply;
}

static void deliver_put_scope(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_put_scope_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method put_scope_method = {put_scope_to_wire, put_scope_of, deliver_put_scope};

enum postern_status postern_put_scope(struct postern *client, const struct postern_put_scope_request *request,
                                      struct postern_put_scope_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &put_scope_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_put_scope_start(struct postern *client, const struct postern_put_scope_request *request,
                                            void (*done)(void *context, struct postern_put_scope_reply *reply,
                                                         const struct postern_error *error),
                                            void *context, struct postern_error *error)
{
    return postern_start(client, &put_scope_method, request, (postern_done *)done, context, error);
}

// -------------------------------------------------------------------------------------------------- ListScopes

static void *list_scopes_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
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

static enum postern_status list_scopes_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_list_scopes_request *request = from;
    Postern__V1__ListScopesRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__list_scopes_request__init(wire);
    wire->page_size = request->page_size;
    wire->page_token = postern_wire_bytes(request->page_token, request->page_token_size);
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_LIST_SCOPES;
    ask->request.list_scopes = wire;
    return POSTERN_OK;
}

static void deliver_list_scopes(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_list_scopes_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method list_scopes_method = {list_scopes_to_wire, list_scopes_of, deliver_list_scopes};

enum postern_status postern_list_scopes(struct postern *client, const struct postern_list_scopes_request *request,
                                        struct postern_list_scopes_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &list_scopes_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_list_scopes_start(struct postern *client, const struct postern_list_scopes_request *request,
                                              void (*done)(void *context, struct postern_list_scopes_reply *reply,
                                                           const struct postern_error *error),
                                              void *context, struct postern_error *error)
{
    return postern_start(client, &list_scopes_method, request, (postern_done *)done, context, error);
}

// ------------------------------------------------------------------------------------------------- DeleteScope

static void *delete_scope_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__DeleteScopeReply *wire = (const Postern__V1__DeleteScopeReply *)box->result;
    struct postern_delete_scope_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        scope_of(&box->arena, wire->scope, &reply->scope);
    return reply;
}

static enum postern_status delete_scope_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_delete_scope_request *request = from;
    Postern__V1__DeleteScopeRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__delete_scope_request__init(wire);
    wire->scope = postern_wire_text(request->scope);
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_DELETE_SCOPE;
    ask->request.delete_scope = wire;
    return POSTERN_OK;
}

static void deliver_delete_scope(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_delete_scope_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method delete_scope_method = {delete_scope_to_wire, delete_scope_of, deliver_delete_scope};

enum postern_status postern_delete_scope(struct postern *client, const struct postern_delete_scope_request *request,
                                         struct postern_delete_scope_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &delete_scope_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_delete_scope_start(struct postern *client,
                                               const struct postern_delete_scope_request *request,
                                               void (*done)(void *context, struct postern_delete_scope_reply *reply,
                                                            const struct postern_error *error),
                                               void *context, struct postern_error *error)
{
    return postern_start(client, &delete_scope_method, request, (postern_done *)done, context, error);
}
