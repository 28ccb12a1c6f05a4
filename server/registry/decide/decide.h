// Decides a command: authority, existence, state and version; makes a change or a refusal. Private to the room.
//
// Reads the transaction, writes nothing. Time, ids and random bytes come with the command.
// Threads: the writer's.
#ifndef REGISTRY_DECIDE_DECIDE_H
#define REGISTRY_DECIDE_DECIDE_H

#include "registry/change.h"
#include "registry/state.h"

enum { DECIDE_ROOM = 2 };

struct decision {
    // in
    const struct registry *registry;
    struct store_txn *txn;
    struct registry_command *command; // gets the result and, for a refusal, the note
    uint64_t now_ms;
    uint64_t seq; // of the change, if there will be one
    // kept by decide_authority
    struct registry_key caller_key; // as it is now; set when command->caller.key is
    // out
    struct image *images; // `room`, unless the rule brings an array of its own
    struct image room[DECIDE_ROOM];
    size_t image_count;
    uint64_t idempotency_before_ms; // a purge: as in struct change
    size_t idempotency_count;       // without these and images: all is as it was asked for already
};

// May the caller ask this at all, today? Also asked before a reply is given again. For revoking it finds the key.
STATUS_MUST_CHECK enum status decide_authority(struct decision *decision);
// After decide_authority. OK: images and command->result are set.
STATUS_MUST_CHECK enum status decide(struct decision *decision);

// --- the rules, one for each kind of command, and its authority where others than operators may ask

STATUS_MUST_CHECK enum status decide_create_authority(struct decision *decision);
STATUS_MUST_CHECK enum status decide_create(struct decision *decision);
STATUS_MUST_CHECK enum status decide_revoke_authority(struct decision *decision);
STATUS_MUST_CHECK enum status decide_revoke(struct decision *decision);
STATUS_MUST_CHECK enum status decide_roll_authority(struct decision *decision);
STATUS_MUST_CHECK enum status decide_roll(struct decision *decision);
STATUS_MUST_CHECK enum status decide_update_authority(struct decision *decision);
STATUS_MUST_CHECK enum status decide_update(struct decision *decision);
STATUS_MUST_CHECK enum status decide_delete_authority(struct decision *decision);
STATUS_MUST_CHECK enum status decide_delete(struct decision *decision);
STATUS_MUST_CHECK enum status decide_revoke_all(struct decision *decision);
STATUS_MUST_CHECK enum status decide_delete_account(struct decision *decision);
STATUS_MUST_CHECK enum status decide_delete_tier(struct decision *decision);
STATUS_MUST_CHECK enum status decide_purge(struct decision *decision);
STATUS_MUST_CHECK enum status decide_put_account(struct decision *decision);
STATUS_MUST_CHECK enum status decide_put_tier(struct decision *decision);
STATUS_MUST_CHECK enum status decide_put_scope(struct decision *decision);
STATUS_MUST_CHECK enum status decide_delete_scope(struct decision *decision);
STATUS_MUST_CHECK enum status decide_import(struct decision *decision);

// --- what several rules share

// Reads the caller's key again. UNAUTHENTICATED when it does not work any more.
STATUS_MUST_CHECK enum status decide_caller(struct decision *decision);

// Operators, and account-admins for their own account.
bool decide_may_touch(const struct registry_caller *caller, struct slice account);
// ABORTED when the command asks for another version than the record has (0: there is no record).
STATUS_MUST_CHECK enum status decide_version(struct decision *decision, const char *field, uint64_t version);
// OK with an empty name when no tier has the mark.
STATUS_MUST_CHECK enum status decide_default_tier(struct decision *decision, struct slice *name);

#endif
