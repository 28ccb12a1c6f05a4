// The shapes of scopes and grants, and what a grant covers by its name alone.
#include "account/account.h"

#include <string.h>

bool account_id_is_reserved(struct slice id)
{
    return slice_equal(id, slice_text("postern"));
}

// A segment is one or more of [a-z0-9._-]; unlike a name it may start with any of them.
static bool is_segment(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.data[i];
        bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!is_good)
            return false;
    }
    return s.size > 0;
}

// Takes everything up to the next colon, which is skipped, or all of it when there is no colon.
static struct slice take_segment(struct slice *rest, bool *is_last)
{
    const uint8_t *colon = rest->size > 0 ? memchr(rest->data, ':', rest->size) : NULL;
    struct slice segment = colon != NULL ? slice_make(rest->data, (size_t)(colon - rest->data)) : *rest;
    *is_last = colon == NULL;
    *rest = colon != NULL ? slice_make(colon + 1, rest->size - segment.size - 1) : slice_empty();
    return segment;
}

bool account_scope_is_valid(struct slice scope)
{
    if (scope.size > ACCOUNT_SCOPE_MAX)
        return false;
    bool is_last = false;
    if (!slice_is_name(take_segment(&scope, &is_last), ACCOUNT_SCOPE_MAX))
        return false;
    while (!is_last)
        if (!is_segment(take_segment(&scope, &is_last)))
            return false;
    return true;
}

// Returns the "a:" of "a:*"; empty when the grant is not a wildcard.
static struct slice wildcard_stem(struct slice grant)
{
    if (grant.size < 3 || grant.data[grant.size - 1] != '*' || grant.data[grant.size - 2] != ':')
        return slice_empty();
    return slice_make(grant.data, grant.size - 1);
}

bool account_grant_is_valid(struct slice grant)
{
    struct slice stem = wildcard_stem(grant);
    if (stem.size == 0)
        return account_scope_is_valid(grant);
    return grant.size <= ACCOUNT_SCOPE_MAX && account_scope_is_valid(slice_make(stem.data, stem.size - 1));
}

bool account_grant_is_wildcard(struct slice grant)
{
    return grant.size > 0 && grant.data[grant.size - 1] == '*';
}

bool account_scope_is_reserved(struct slice scope)
{
    return slice_starts_with(scope, slice_text("postern:"));
}

bool account_scope_is_builtin(struct slice scope)
{
    static const char *const names[] = {
        "admin",           "postern:verify", "postern:ratecheck", "postern:account-admin", "postern:meter-reset",
        "postern:operator"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal(scope, slice_text(names[i])))
            return true;
    return false;
}

bool account_grant_covers(struct slice grant, struct slice needed)
{
    if (slice_equal(grant, needed))
        return true;
    if (account_scope_is_reserved(needed))
        return false;
    if (slice_equal(grant, slice_text("admin")))
        return true;
    struct slice stem = wildcard_stem(grant);
    return stem.size > 0 && needed.size > stem.size && slice_starts_with(needed, stem);
}

bool account_grants_cover(const struct slice *grants, size_t grant_count, struct slice needed)
{
    for (size_t i = 0; i < grant_count; i++)
        if (account_grant_covers(grants[i], needed))
            return true;
    return false;
}
