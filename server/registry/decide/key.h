// What the deciders about keys share: they find a key, ask its account, and make id, token and record of a new one.
// Private to the room.
//
// Errors "of the store" are those of decide.h. Threads: the writer's.
#ifndef REGISTRY_DECIDE_KEY_H
#define REGISTRY_DECIDE_KEY_H

#include "registry/decide/decide.h"

enum { DECIDE_ID_RANDOM_SIZE = 9 }; // random bytes of a key id

// Finds the key that a command names, also a deleted one.
// Errors:
//   NOT_FOUND  it is missing, or the caller may not touch its account, which is told in the same words
//   others     those of the store
STATUS_MUST_CHECK enum status decide_find_key(struct draft *draft, const uint8_t id[KEY_ID_SIZE], const char *field,
                                              struct registry_key *out);
// Fails with these words.
// Errors: always NOT_FOUND.
STATUS_MUST_CHECK enum status decide_unknown_key(struct draft *draft, const uint8_t id[KEY_ID_SIZE], const char *field);
// Finds the account of a stored key, also a deleted one.
// Errors:
//   DATA_LOSS  it is missing
//   others     those of the store
STATUS_MUST_CHECK enum status decide_find_owner(struct draft *draft, const struct registry_key *key,
                                                struct registry_account *out);

// May the key still be changed? `verb` is what the command does: "updated".
// Errors: FAILED_PRECONDITION with the state when that is final (revoked, expired or deleted).
STATUS_MUST_CHECK enum status decide_not_final(struct draft *draft, const struct registry_key *key,
                                               const struct registry_account *account, const char *field,
                                               const char *verb);

struct decide_rolled {
    const char *field;
    const char *head;   // what stands against the change: "the key pk_... is ROLLING until ..."
    const char *advice; // about a successor that is as `wanted`; its id is put behind it
    const char *none;   // when there is none: "no successor of it can be rolled"
    struct registry_successor_wanted wanted;
};
// Refuses a change of a key that was rolled, and says what became of its successor, which may have been revoked since,
// or rolled itself. What is advised is possible, and true at the moment that is wanted.
// Errors:
//   FAILED_PRECONDITION  with what to do
//   others               those of the store
STATUS_MUST_CHECK enum status decide_refuse_rolled(struct draft *draft, const struct registry_key *key,
                                                   const struct decide_rolled *why);

struct decide_fields { // paths of members of the call, for the failure
    const char *account;
    const char *environment;
    const char *scopes;
    const char *limits;
    const char *expires_at;
    const char *addresses;
};
// May the account have one more key in that environment?
// Errors: FAILED_PRECONDITION when it is suspended, or does not allow the environment.
STATUS_MUST_CHECK enum status decide_account_allows(struct draft *draft, const struct registry_account *account,
                                                    enum key_environment environment,
                                                    const struct decide_fields *fields);
// Is the account below its max_keys? Only keys that are neither revoked nor expired count, and `leaving` (0 or 1) of
// them do not.
// Errors:
//   RESOURCE_EXHAUSTED  it is not
//   others              those of the store
STATUS_MUST_CHECK enum status decide_max_keys(struct draft *draft, const struct registry_account *account,
                                              unsigned leaving, const char *field);
// Counts those keys, no further than `most`.
// Errors: those of the store.
STATUS_MUST_CHECK enum status decide_count_live(struct draft *draft, const struct registry_account *account,
                                                uint64_t most, uint64_t *count);

// May the caller make or leave behind this key?
// Errors:
//   PERMISSION_DENIED  a scope, its environment, an address, a limit or its expiry goes beyond the account-admin's own
//                      key, which the failure names, or the account-admin has sent no credential
//   others             those of the store
STATUS_MUST_CHECK enum status decide_within_caller(struct draft *draft, const struct registry_key *key,
                                                   const struct decide_fields *fields);

// May the caller change the record of this key at all? An account-admin changes its own only by rolling and revoking
// it. `verb` is what the command does: "updated".
// Errors: PERMISSION_DENIED when it may not.
STATUS_MUST_CHECK enum status decide_not_own(struct draft *draft, const struct registry_key *key, const char *field,
                                             const char *verb);

// Errors: INVALID_ARGUMENT when the moment has passed; 0 = never.
STATUS_MUST_CHECK enum status decide_not_before(struct draft *draft, const struct registry_key *key, const char *field);
STATUS_MUST_CHECK enum status decide_expiry(struct draft *draft, uint64_t expires_at_ms, const char *field);
// Notes in the key when its expiry was set, if it is another one than before.
void decide_note_expiry(const struct draft *draft, uint64_t expires_before_ms, struct registry_key *key);

// Returns the creation time for a new key: now, or just behind the account's RevokeAll of the same millisecond.
uint64_t decide_created_at(const struct draft *draft, const struct registry_account *account);
// Completes a new key: id, lineage (unless it has a predecessor), who made it and when, version, token and its hash.
// The token's text is in the command's arena. Uses up the command's random bytes: one key per command.
// Errors:
//   INTERNAL  the random bytes repeat
//   others    those of the store
STATUS_MUST_CHECK enum status decide_make_key(struct draft *draft, const struct registry_account *account,
                                              struct registry_key *key, struct slice *token);

// --- scopes of a key: what it may be granted, by the catalogue and by what its granter holds

// May this caller grant these scopes to that key (its account, type and scopes count)? `field` is the path of the
// scopes in the call, e.g. "create.scopes"; the failure names the one at fault, as "create.scopes[2]".
// Errors:
//   NOT_FOUND            the catalogue does not have the scope, or nothing under the wildcard
//   PERMISSION_DENIED    it is in the namespace "postern:" and the caller is no operator
//   INVALID_ARGUMENT     such a key may never hold it
//   FAILED_PRECONDITION  the key is public and the scope is not marked as public-safe
//   others               those of the store
STATUS_MUST_CHECK enum status decide_grants(struct draft *draft, const struct registry_key *key, const char *field);
// Does an account-admin's own key cover these scopes? `field` may name the key instead.
// Errors:
//   PERMISSION_DENIED  it does not
//   others             those of the store
STATUS_MUST_CHECK enum status decide_grants_within(struct draft *draft, const struct registry_key *key,
                                                   const char *field);

// Gives the key (its type counts) the scopes that the catalogue marks as default: to a public key only public-safe
// ones, from an account-admin only those that its own key covers. They are in the command's arena.
// Errors: those of the store.
STATUS_MUST_CHECK enum status decide_default_scopes(struct draft *draft, struct registry_key *key);

#endif
