#include "authorizer/scope.h"

static struct arena *scratch_of(const struct authorizer_call *call)
{
    return call->scratch != NULL ? call->scratch : call->arena;
}

static enum status find_implied(void *context, struct slice scope, struct slice *implies, size_t max, size_t *count)
{
    const struct authorizer_call *call = context;
    struct registry_scope found;
    enum status status = registry_find_scope(call->view, scope, scratch_of(call), &found);
    if (status != STATUS_OK)
        return status;
    *count = found.implies_count < max ? found.implies_count : max;
    for (size_t i = 0; i < *count; i++)
        implies[i] = found.implies[i];
    return STATUS_OK;
}

enum status scope_list_missing(struct authorizer_call *call)
{
    const struct authorizer_question *q = &call->question;
    struct authorizer_decision *d = &call->decision;
    struct account_scope_source source = {.find = find_implied, .context = call, .arena = scratch_of(call)};
    struct account_scope_need *needs = arena_array(scratch_of(call), q->scope_count, sizeof *needs);
    d->missing_scopes = arena_array(call->arena, q->scope_count, sizeof(struct slice));
    if (needs == NULL || d->missing_scopes == NULL)
        return status_fail(&call->note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
    for (size_t i = 0; i < q->scope_count; i++)
        needs[i].scope = q->scopes[i];
    enum status status = account_scopes_cover_each(&source, d->key.scopes, d->key.scope_count, needs, q->scope_count);
    for (size_t i = 0; i < q->scope_count && status == STATUS_OK; i++)
        if (!needs[i].covered)
            d->missing_scopes[d->missing_scope_count++] = needs[i].scope;
    return status;
}
