// What the rules about keys share: finding one, its account's say, a new one's id, token and record. Private to the
// room.
//
// Threads: the writer's.
#ifndef REGISTRY_DECIDE_KEY_H
#define REGISTRY_DECIDE_KEY_H

#include "registry/decide/decide.h"

enum { DECIDE_ID_RANDOM_SIZE = 9 }; // random bytes of a key id

// The key that a command names, also a deleted one. NOT_FOUND, in the same words, when it is missing or belongs to an
// account that the caller may not touch.
STATUS_MUST_CHECK enum status decide_find_key(struct decision *decision, const uint8_t id[KEY_ID_SIZE],
                                              const char *field, struct registry_key *out);
// NOT_FOUND in those words.
STATUS_MUST_CHECK enum status decide_unknown_key(struct decision *decision, const uint8_t id[KEY_ID_SIZE],
                                                 const char *field);
// The account that a key of the store belongs to, also a deleted one. DATA_LOSS when it is missing.
STATUS_MUST_CHECK enum status decide_find_owner(struct decision *decision, const struct registry_key *key,
                                                struct registry_account *out);

// What becomes of a key that is in a final state, or was rolled: FAILED_PRECONDITION with the state. `verb`: "updated".
STATUS_MUST_CHECK enum status decide_not_final(struct decision *decision, const struct registry_key *key,
                                               const struct registry_account *account, const char *field,
                                               const char *verb);

// May the account have one more key? FAILED_PRECONDITION: suspended, or not in that environment.
struct decide_fields { // paths of what is at fault
    const char *account;
    const char *environment;
    const char *scopes;
    const char *limits;
};
STATUS_MUST_CHECK enum status decide_account_allows(struct decision *decision, const struct registry_account *account,
                                                    enum key_environment environment,
                                                    const struct decide_fields *fields);
// RESOURCE_EXHAUSTED when it has max_keys that are neither revoked nor expired, `leaving` (0 or 1) of them not counted.
STATUS_MUST_CHECK enum status decide_max_keys(struct decision *decision, const struct registry_account *account,
                                              unsigned leaving, const char *field);
// How many there are; counts no further than `most`.
STATUS_MUST_CHECK enum status decide_count_live(struct decision *decision, const struct registry_account *account,
                                                uint64_t most, uint64_t *count);

// May the caller make or leave behind this key? PERMISSION_DENIED when its scopes, environment or limits go beyond
// those of an account-admin's own key, with the first one that does.
STATUS_MUST_CHECK enum status decide_within_caller(struct decision *decision, const struct registry_key *key,
                                                   const struct decide_fields *fields);

// INVALID_ARGUMENT when the moment has passed; 0 = never.
STATUS_MUST_CHECK enum status decide_expiry(struct decision *decision, uint64_t expires_at_ms, const char *field);

// Now, or just behind the account's RevokeAll of the same millisecond.
uint64_t decide_created_at(const struct decision *decision, const struct registry_account *account);
// Completes a new key: id, lineage (unless it has a predecessor), who made it and when, version, token and its hash.
// The token's text is in the command's arena. Uses up the command's random bytes: one key per command.
STATUS_MUST_CHECK enum status decide_make_key(struct decision *decision, const struct registry_account *account,
                                              struct registry_key *key, struct slice *token);

// --- scopes of a key: what it may be granted, by the catalogue and by what its granter holds

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
