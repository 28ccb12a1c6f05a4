// Which of the scopes that a call needs does the key lack? Those that it names cover some; the catalogue is asked what
// they imply for the rest.
#include "authorizer/internal.h"

#include <string.h>

static struct arena *scratch_of(const struct authorizer_batch *batch)
{
    return batch->scratch != NULL ? batch->scratch : batch->arena;
}

static enum status find_implied(void *context, struct slice scope, struct slice *implies, size_t max, size_t *count)
{
    const struct authorizer_batch *batch = context;
    struct registry_scope found;
    enum status status = registry_find_scope(batch->view, scope, scratch_of(batch), &found);
    if (status != STATUS_OK)
        return status;
    *count = found.implies_count < max ? found.implies_count : max;
    for (size_t i = 0; i < *count; i++)
        implies[i] = found.implies[i];
    return STATUS_OK;
}

// Writes "read|admin" for the alternatives of a need.
static bool join_scopes(const struct authorizer_need *need, struct arena *arena, struct slice *out)
{
    size_t size = 0;
    for (size_t i = 0; i < need->count; i++)
        size += need->any_of[i].size + 1;
    uint8_t *text = arena_alloc(arena, size);
    uint8_t *end = text;
    for (size_t i = 0; text != NULL && i < need->count; i++) {
        if (i > 0)
            *end++ = '|';
        memcpy(end, need->any_of[i].data, need->any_of[i].size);
        end += need->any_of[i].size;
    }
    *out = slice_make(text, text != NULL ? (size_t)(end - text) : 0);
    return text != NULL;
}

// Is one of the alternatives covered?
static bool is_met(const struct account_scope_need *covered, size_t count)
{
    size_t i = 0;
    while (i < count && !covered[i].covered)
        i++;
    return i < count;
}

static enum status find_covered(struct authorizer_batch *batch, struct authorizer_call *call,
                                struct account_scope_need *scopes)
{
    const struct authorizer_question *q = &call->question;
    const struct registry_key *key = &call->decision.key;
    struct account_scope_source source = {.find = find_implied, .context = batch, .arena = scratch_of(batch)};
    size_t count = 0;
    for (size_t i = 0; i < q->need_count; i++)
        for (size_t j = 0; j < q->needs[i].count; j++)
            scopes[count++].scope = q->needs[i].any_of[j];
    return account_scopes_cover_each(&source, key->scopes, key->scope_count, scopes, count);
}

enum status authorizer_list_missing_scopes(struct authorizer_batch *batch, struct authorizer_call *call)
{
    const struct authorizer_question *q = &call->question;
    struct authorizer_decision *d = &call->decision;
    size_t count = 0;
    for (size_t i = 0; i < q->need_count; i++)
        count += q->needs[i].count;
    struct account_scope_need *scopes = arena_array(scratch_of(batch), count, sizeof *scopes);
    d->missing_scopes = arena_array(batch->arena, q->need_count, sizeof(struct slice));
    if (scopes == NULL || d->missing_scopes == NULL)
        return authorizer_no_memory(call);
    enum status status = find_covered(batch, call, scopes);
    for (size_t i = 0; i < q->need_count && status == STATUS_OK; i++) {
        const struct authorizer_need *need = &q->needs[i];
        if (!is_met(scopes, need->count) &&
            !join_scopes(need, batch->arena, &d->missing_scopes[d->missing_scope_count++]))
            status = authorizer_no_memory(call);
        scopes += need->count;
    }
    return status;
}
