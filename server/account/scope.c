// Finds out what grants cover through the catalogue: a breadth-first walk that asks no further than it must.
#include <string.h>

#include "account/account.h"

enum { FIRST_ROOM = 64 };

_Static_assert(ACCOUNT_CATALOGUE_MAX % FIRST_ROOM == 0 &&
                   ((ACCOUNT_CATALOGUE_MAX / FIRST_ROOM) & (ACCOUNT_CATALOGUE_MAX / FIRST_ROOM - 1)) == 0,
               "room doubles up to the maximum");
_Static_assert(ACCOUNT_CATALOGUE_MAX < UINT16_MAX, "a slot holds any index");

// The walk's queue, which is also the set of what was found: scopes before `next` have been looked up.
struct walk {
    const struct account_scope_source *source;
    const struct slice *grants;
    size_t grant_count;
    struct slice *scopes; // in the order in which they were found
    uint16_t *slots;      // open addressing: index into `scopes` + 1, 0 = free; twice as many as there is room
    size_t room, count, next;
};

// Returns the scope's slot in the set, or the free slot where it would be.
static uint16_t *slot_of(const struct walk *walk, struct slice scope)
{
    size_t mask = 2 * walk->room - 1;
    size_t at = (size_t)slice_hash(scope, SLICE_HASH_SEED) & mask;
    while (walk->slots[at] != 0 && !slice_equal(walk->scopes[walk->slots[at] - 1], scope))
        at = (at + 1) & mask;
    return &walk->slots[at];
}

static bool holds(const struct walk *walk, struct slice scope)
{
    return walk->room > 0 && *slot_of(walk, scope) != 0;
}

static enum status grow(struct walk *walk)
{
    size_t room = walk->room == 0 ? FIRST_ROOM : 2 * walk->room;
    if (room > ACCOUNT_CATALOGUE_MAX)
        return STATUS_RESOURCE_EXHAUSTED;
    struct slice *scopes = arena_array(walk->source->arena, room, sizeof *scopes);
    uint16_t *slots = arena_array(walk->source->arena, 2 * room, sizeof *slots);
    if (scopes == NULL || slots == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    if (walk->count > 0)
        memcpy(scopes, walk->scopes, walk->count * sizeof *scopes);
    walk->scopes = scopes;
    walk->slots = slots;
    walk->room = room;
    for (size_t i = 0; i < walk->count; i++)
        *slot_of(walk, scopes[i]) = (uint16_t)(i + 1);
    return STATUS_OK;
}

// Adds a scope, except reserved ones and wildcards: those neither imply anything nor are implied.
static enum status add(struct walk *walk, struct slice scope)
{
    if (account_scope_is_reserved(scope) || account_grant_is_wildcard(scope) || holds(walk, scope))
        return STATUS_OK;
    if (walk->count == walk->room) {
        enum status status = grow(walk);
        if (status != STATUS_OK)
            return status;
    }
    walk->scopes[walk->count++] = scope;
    *slot_of(walk, scope) = (uint16_t)walk->count;
    return STATUS_OK;
}

static enum status add_all(struct walk *walk, const struct slice *scopes, size_t count)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = add(walk, scopes[i]);
    return status;
}

static enum status begin(struct walk *walk) // may be repeated
{
    return add_all(walk, walk->grants, walk->grant_count);
}

static enum status look_up_next(struct walk *walk)
{
    struct slice implies[ACCOUNT_SCOPE_IMPLIES_MAX];
    size_t count = 0;
    struct slice scope = walk->scopes[walk->next++];
    enum status status = walk->source->find(walk->source->context, scope, implies, ACCOUNT_SCOPE_IMPLIES_MAX, &count);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (count > ACCOUNT_SCOPE_IMPLIES_MAX)
        return STATUS_INTERNAL;
    return add_all(walk, implies, count);
}

// Continues the walk where an earlier question stopped.
static enum status covers(struct walk *walk, struct slice needed, bool *covered)
{
    *covered = account_grants_cover(walk->grants, walk->grant_count, needed);
    if (*covered || account_scope_is_reserved(needed))
        return STATUS_OK;
    enum status status = begin(walk);
    while (status == STATUS_OK) {
        *covered = holds(walk, needed) || holds(walk, slice_text("admin"));
        if (*covered || walk->next == walk->count)
            break;
        status = look_up_next(walk);
    }
    return status;
}

static struct walk walk_from(const struct account_scope_source *source, const struct slice *grants, size_t grant_count)
{
    return (struct walk){.source = source, .grants = grants, .grant_count = grant_count};
}

enum status account_scopes_cover_each(const struct account_scope_source *source, const struct slice *grants,
                                      size_t grant_count, struct account_scope_need *needs, size_t need_count)
{
    struct walk walk = walk_from(source, grants, grant_count);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < need_count && status == STATUS_OK; i++)
        status = covers(&walk, needs[i].scope, &needs[i].covered);
    for (size_t i = 0; i < need_count && status != STATUS_OK; i++)
        needs[i].covered = false;
    return status;
}

static enum status covers_all_grants(struct walk *outer, struct account_grant_list inner, bool *covered)
{
    enum status status = STATUS_OK;
    *covered = true;
    for (size_t i = 0; i < inner.count && *covered && status == STATUS_OK; i++)
        status = covers(outer, inner.grants[i], covered);
    return status;
}

static enum status covers_all_implied(struct walk *outer, struct walk *inner, bool *covered)
{
    enum status status = begin(inner);
    while (status == STATUS_OK && *covered && inner->next < inner->count) {
        status = covers(outer, inner->scopes[inner->next], covered);
        if (status == STATUS_OK && *covered)
            status = look_up_next(inner);
    }
    return status;
}

enum status account_grants_within(const struct account_scope_source *source, struct account_grant_list inner,
                                  struct account_grant_list outer, bool *within)
{
    struct walk outer_walk = walk_from(source, outer.grants, outer.count);
    struct walk inner_walk = walk_from(source, inner.grants, inner.count);
    bool covered = true;
    enum status status = covers_all_grants(&outer_walk, inner, &covered);
    if (status == STATUS_OK && covered)
        status = covers_all_implied(&outer_walk, &inner_walk, &covered);
    *within = status == STATUS_OK && covered;
    return status;
}
