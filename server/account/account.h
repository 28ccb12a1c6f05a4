// Rules about accounts, tiers and scopes: names, and what granted scopes cover, by themselves or through the catalogue.
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
// "postern": the account of the operators' credentials.
bool account_id_is_reserved(struct slice id);

// [a-z0-9][a-z0-9._-]*(:[a-z0-9._-]+)*, at most 64 bytes.
bool account_scope_is_valid(struct slice scope);
// A scope, or a wildcard "a:*" / "a:b:*" whose prefix is a scope.
bool account_grant_is_valid(struct slice grant);
// In the namespace "postern:", which is matched exactly and never implied.
bool account_scope_is_reserved(struct slice scope);
// "admin", "postern:verify", "postern:ratecheck", "postern:account-admin", "postern:operator": always there, with no
// entry in the catalogue needed.
bool account_scope_is_builtin(struct slice scope);

// Does this one grant cover the needed scope by its name alone? Equal; or "a:*" covers "a:b" and "a:b:c" (not "a"); or
// "admin" covers everything. Nothing but the exact scope covers a reserved one. `needed` may be a wildcard too: the
// same or a wider one covers it.
bool account_grant_covers(struct slice grant, struct slice needed);
// Does any of them?
bool account_grants_cover(const struct slice *grants, size_t grant_count, struct slice needed);

// --- with the catalogue

// Where to ask what a scope implies.
struct account_scope_source {
    // Puts at most `max` implied scopes into `implies`; they stay valid until the question is answered. NOT_FOUND: the
    // catalogue does not hold the scope, which then implies nothing. Any other status ends the question with it.
    enum status (*find)(void *context, struct slice scope, struct slice *implies, size_t max, size_t *count);
    void *context;
    // For the working set, at most 256 KiB (twice that for account_grants_within); not used where names alone decide.
    struct arena *arena;
};

// A grant covers what account_grant_covers says and, when it is a scope of the catalogue, what its entry implies, and
// what those imply, and so on; circles do no harm. A wildcard grant covers by name only: what the scopes under it imply
// is not covered. "admin" may be implied; reserved scopes and wildcards among the implied ones count for nothing, and a
// reserved grant implies nothing.
// Breadth-first, asking for each scope at most once and no further than needed. OK, with the answer; RESOURCE_EXHAUSTED
// when more than ACCOUNT_CATALOGUE_MAX scopes would have to be visited, or the arena is out; INTERNAL when `find`
// claims more than `max`; else what `find` answered. Unless OK, the answer is "not covered".

struct account_scope_need {
    struct slice scope;
    bool covered; // out
};

// Each of the needs, in one walk through the catalogue. A grant that covers by name alone is found before anything
// else; the catalogue is not asked then, nor for a reserved scope.
STATUS_MUST_CHECK enum status account_scopes_cover_each(const struct account_scope_source *source,
                                                        const struct slice *grants, size_t grant_count,
                                                        struct account_scope_need *needs, size_t need_count);

struct account_grant_list {
    const struct slice *grants;
    size_t count;
};

// Is every grant of `inner` covered by those of `outer`, and all that it implies as well? For "never a scope beyond its
// own": who holds "a:*" may not give away an "a:b" that implies more.
STATUS_MUST_CHECK enum status account_grants_within(const struct account_scope_source *source,
                                                    struct account_grant_list inner, struct account_grant_list outer,
                                                    bool *within);

#endif
