// Which scopes a key may be granted, by the catalogue and by what its granter holds. Private to the room.
//
// Threads: the writer's.
#ifndef REGISTRY_DECIDE_SCOPE_H
#define REGISTRY_DECIDE_SCOPE_H

#include "registry/decide.h"

// May these scopes be granted to that key (its account, type and scopes count), by this caller? `field` is the path of
// the scopes in the call, e.g. "create.scopes"; the note names the one at fault, as "create.scopes[2]".
// NOT_FOUND: not in the catalogue, or a wildcard under which it has nothing. PERMISSION_DENIED: in the namespace
// "postern:" and the caller is no operator. INVALID_ARGUMENT: never for such a key. FAILED_PRECONDITION: a public key,
// and the scope is not marked as public-safe.
STATUS_MUST_CHECK enum status decide_grants(struct decision *decision, const struct registry_key *key,
                                            const char *field);
// PERMISSION_DENIED when an account-admin would give away or leave behind a scope beyond those of its own key. `field`
// may name the key instead.
STATUS_MUST_CHECK enum status decide_grants_within(struct decision *decision, const struct registry_key *key,
                                                   const char *field);

// Gives the key (its type counts) what the catalogue marks as default: to a public key only what is public-safe, from
// an account-admin only what its own key holds. In the command's arena.
STATUS_MUST_CHECK enum status decide_default_scopes(struct decision *decision, struct registry_key *key);

#endif
