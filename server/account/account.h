// Rules about accounts, tiers and scopes: names and what a granted scope covers.
//
// Threads: everything here is pure.
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include "base/slice.h"

enum { ACCOUNT_ID_MAX = 64, ACCOUNT_SCOPE_MAX = 64, ACCOUNT_SCOPES_PER_KEY_MAX = 64, ACCOUNT_DEFAULT_MAX_KEYS = 1000 };

// [a-z0-9][a-z0-9._-]{0,63}; also the shape of tier names.
bool account_id_is_valid(struct slice id);
bool account_tier_name_is_valid(struct slice name);

// [a-z0-9][a-z0-9._-]*(:[a-z0-9._-]+)*, at most 64 bytes.
bool account_scope_is_valid(struct slice scope);
// A scope, or a wildcard "a:*" / "a:b:*" whose prefix is a scope.
bool account_grant_is_valid(struct slice grant);
// In the namespace "postern:", which is matched exactly and never implied.
bool account_scope_is_reserved(struct slice scope);
// Does this one grant cover the needed scope? Equal, or "a:*" covers "a:b" and "a:b:c" (not "a"). Nothing but the exact
// scope covers a reserved one.
bool account_grant_covers(struct slice grant, struct slice needed);

#endif
