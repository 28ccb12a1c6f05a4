// What holds of accounts, tiers and scopes: names, and what granted scopes cover, by themselves or through the
// catalogue.
//
// Words: a grant is what a key holds, a scope or a wildcard; a scope may imply others by its entry in the catalogue.
// Threads: everything here is pure; the catalogue is asked through the caller's own function.
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    ACCOUNT_ID_MAX = 64,
    ACCOUNT_SCOPE_MAX = 64,
    ACCOUNT_SCOPES_PER_KEY_MAX = 64,
    ACCOUNT_SCOPE_IMPLIES_MAX = 64, // per entry of the catalogue
    ACCOUNT_CATALOGUE_MAX = 4096,
    ACCOUNT_DEFAULT_MAX_KEYS = 1000
};

// Ids of accounts and names of tiers are names (slice_is_name) of at most ACCOUNT_ID_MAX bytes.
// Is it "postern", the account of the operators' credentials?
bool account_id_is_reserved(struct slice id);

// [a-z0-9][a-z0-9._-]*(:[a-z0-9._-]+)*, at most 64 bytes.
bool account_scope_is_valid(struct slice scope);
// A scope, or a wildcard "a:*" / "a:b:*" whose prefix is a scope.
bool account_grant_is_valid(struct slice grant);
// Does it end with '*'? Of valid grants, wildcards do.
bool account_grant_is_wildcard(struct slice grant);
// Is it in the namespace "postern:", which is matched exactly and never implied?
bool account_scope_is_reserved(struct slice scope);
// Is it "admin", "postern:verify", "postern:ratecheck", "postern:account-admin", "postern:meter-reset" or
// "postern:operator"? These always exist and need no entry in the catalogue.
bool account_scope_is_builtin(struct slice scope);

// Does this one grant cover the needed scope by its name alone? A scope covers itself, "a:*" covers "a:b" and "a:b:c"
// (not "a"), and "admin" covers everything. Nothing but the exact scope covers a reserved one. `needed` may be a
// wildcard too: the same or a wider one covers it.
bool account_grant_covers(struct slice grant, struct slice needed);
// Does any of the grants cover it by its name alone?
bool account_grants_cover(const struct slice *grants, size_t grant_count, struct slice needed);

// --- with the catalogue

// The catalogue: it can be asked what a scope implies.
struct account_scope_source {
    // Puts at most `max` implied scopes into `implies`; they stay valid until the question is answered.
    // Errors: NOT_FOUND when the catalogue does not hold the scope, which then implies nothing. Any other error ends
    // the question, which returns it.
    enum status (*find)(void *context, struct slice scope, struct slice *implies, size_t max, size_t *count);
    void *context;
    // Holds the working set, at most 256 KiB (twice that for account_grants_within); unused where names alone decide.
    struct arena *arena;
};

// A grant covers what account_grant_covers says. A grant that is a scope of the catalogue also covers what its entry
// implies, what those scopes imply, and so on; circles do no harm. A wildcard grant covers by name only, not what the
// scopes under it imply. "admin" may be implied; reserved scopes and wildcards among the implied ones count for
// nothing, and a reserved grant implies nothing.

struct account_scope_need {
    struct slice scope;
    bool covered; // out
};

// Says for each of the needs whether it is covered. It walks through the catalogue once, breadth-first, asks for each
// scope at most once and goes no further than needed; it does not ask for needs that are reserved or covered by name.
// When it fails, nothing counts as covered.
// Errors:
//   RESOURCE_EXHAUSTED  it would visit more than ACCOUNT_CATALOGUE_MAX scopes, or the arena is out
//   INTERNAL            `find` claims more than `max`
//   others              as `find` has answered
STATUS_MUST_CHECK enum status account_scopes_cover_each(const struct account_scope_source *source,
                                                        const struct slice *grants, size_t grant_count,
                                                        struct account_scope_need *needs, size_t need_count);

struct account_grant_list {
    const struct slice *grants;
    size_t count;
};

// Do the grants of `outer` cover every grant of `inner`, and all that it implies as well? A key may pass on no scope
// beyond its own, so a holder of "a:*" may not give away an "a:b" that implies more.
// Errors: as account_scopes_cover_each; then *within is false.
STATUS_MUST_CHECK enum status account_grants_within(const struct account_scope_source *source,
                                                    struct account_grant_list inner, struct account_grant_list outer,
                                                    bool *within);

#endif
