// The catalogue of scopes: making and changing, listing and deleting them.
#include "rpc/handler.h"
#include "rpc/wire.h"

// --- put_scope

static bool answer_put_scope(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__PutScopeReply *put = arena_alloc(change->command.arena, sizeof *put);
    if (put == NULL)
        return false;
    postern__v1__put_scope_reply__init(put);
    put->scope = wire_scope(change->command.arena, &change->command.result.scope);
    reply->result_case = POSTERN__V1__REPLY__RESULT_PUT_SCOPE;
    reply->put_scope = put;
    return put->scope != NULL;
}

enum call_progress handler_put_scope(struct call *call)
{
    const Postern__V1__PutScopeRequest *request = call->request->put_scope;
    if (request->scope.len == 0)
        return call_fail_member(call, "scope", "is missing: name the scope");
    struct handler_change *change = handler_change_new(call, REGISTRY_PUT_SCOPE);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_scope *scope = &change->command.ask.put_scope.scope;
    scope->name = wire_slice(request->scope);
    scope->description = wire_slice(request->description);
    scope->implies_count = request->n_implies;
    scope->is_default = request->is_default;
    scope->public_safe = request->public_safe;
    if (!wire_read_texts(call->arena, request->implies, request->n_implies, &scope->implies))
        return call_fail_memory(call);
    change->command.if_version = request->if_version;
    change->answer = answer_put_scope;
    return handler_submit(change);
}

// --- list_scopes

static bool fill_scopes(struct call *call, const struct registry_scopes_page *page, Postern__V1__ListScopesReply *out)
{
    out->scopes = arena_array(call->arena, page->count, sizeof *out->scopes);
    for (size_t i = 0; out->scopes != NULL && i < page->count; i++) {
        out->scopes[i] = wire_scope(call->arena, &page->items[i]);
        if (out->scopes[i] == NULL)
            return false;
    }
    out->n_scopes = page->count;
    return out->scopes != NULL;
}

enum call_progress handler_list_scopes(struct call *call)
{
    const Postern__V1__ListScopesRequest *request = call->request->list_scopes;
    const Postern__V1__ListScopesRequest bare = POSTERN__V1__LIST_SCOPES_REQUEST__INIT;
    struct handler_page_ask ask = {&bare.base, request->page_size, request->page_token};
    struct registry_scopes_page found = {0};
    struct handler_page page;
    if (!handler_page_begin(call, &ask, &page))
        return CALL_DONE;
    struct registry_names_query query = {.after = page.position, .page_size = page.size};
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK)
        status = handler_end_view(call, registry_list_scopes(call->view, &query, call->arena, &found));
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the scopes cannot be read: %s", status_name(status));
    Postern__V1__ListScopesReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL)
        return call_fail_memory(call);
    postern__v1__list_scopes_reply__init(reply);
    if (!fill_scopes(call, &found, reply) ||
        (found.more && !handler_page_next(call, &page, found.last, &reply->next_page_token)))
        return call_fail_memory(call);
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_LIST_SCOPES;
    call->reply.list_scopes = reply;
    return CALL_DONE;
}

// --- delete_scope

static bool answer_delete_scope(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__DeleteScopeReply *gone = arena_alloc(change->command.arena, sizeof *gone);
    if (gone == NULL)
        return false;
    postern__v1__delete_scope_reply__init(gone);
    gone->scope = wire_scope(change->command.arena, &change->command.result.scope);
    reply->result_case = POSTERN__V1__REPLY__RESULT_DELETE_SCOPE;
    reply->delete_scope = gone;
    return gone->scope != NULL;
}

enum call_progress handler_delete_scope(struct call *call)
{
    const Postern__V1__DeleteScopeRequest *request = call->request->delete_scope;
    if (request->scope.len == 0)
        return call_fail_member(call, "scope", "is missing: name the scope");
    struct handler_change *change = handler_change_new(call, REGISTRY_DELETE_SCOPE);
    if (change == NULL)
        return call_fail_memory(call);
    change->command.ask.delete_named.name = wire_slice(request->scope);
    change->command.if_version = request->if_version;
    change->answer = answer_delete_scope;
    return handler_submit(change);
}
