// Decides a command: authority, existence, state and version; makes a change or a refusal. Private to the room.
//
// Reads the transaction, writes nothing. Time, ids and random bytes come with the command.
// Where the caller can do something about an error, command->failure says what. Threads: the writer's.
// Errors of the store, of each function that reads:
//   UNAVAILABLE         it cannot be read
//   DATA_LOSS           a record does not decode
//   RESOURCE_EXHAUSTED  memory is out
#ifndef REGISTRY_DECIDE_DECIDE_H
#define REGISTRY_DECIDE_DECIDE_H

#include "registry/change.h"
#include "registry/state.h"
#include "registry/table.h"

enum { DECIDE_ROOM = 2 };

// A change in the making: a command, what it is decided by, and what has come of it so far.
struct draft {
    // in
    const struct registry *registry;
    struct store_txn *txn;
    struct registry_command *command; // gets the result, or the failure
    uint64_t now_ms;
    uint64_t seq; // of the change, if there will be one
    // kept by decide_authority
    struct registry_key caller_key; // the caller's key as it is now; set when command->caller.key is
    // out
    struct image *images; // `room`, unless the decider brings an array of its own
    struct image room[DECIDE_ROOM];
    size_t image_count;
    uint64_t idempotency_before_ms; // a purge: as in struct change
    size_t idempotency_count;       // without these and images, everything is already as the command asks
    struct slice counted;           // the account whose live keys were counted anew, also for a refusal; empty: none
    struct table_count count;
};

// May the caller ask this at all, now? Asked also before a reply is given again. Deciders about one key find it here.
// Errors:
//   UNIMPLEMENTED        there is no decider for this kind of command
//   UNAUTHENTICATED      the caller's key does not work any more
//   PERMISSION_DENIED    the caller is not an operator, or not an admin of this account
//   NOT_FOUND            there is no such key or account, or the caller may not know of it
//   FAILED_PRECONDITION  a public key's token was given to revoke it
//   others               those of the store
STATUS_MUST_CHECK enum status decide_authority(struct draft *draft);
// Decides, after decide_authority: sets images and command->result.
// Errors: those that registry_submit lists.
STATUS_MUST_CHECK enum status decide_command(struct draft *draft);

// --- the deciders, one for each kind of command, and its authority where others than operators may ask

// Errors of all of these: as decide_authority and decide.
STATUS_MUST_CHECK enum status decide_create_authority(struct draft *draft);
STATUS_MUST_CHECK enum status decide_create(struct draft *draft);
STATUS_MUST_CHECK enum status decide_revoke_authority(struct draft *draft);
STATUS_MUST_CHECK enum status decide_revoke(struct draft *draft);
STATUS_MUST_CHECK enum status decide_roll_authority(struct draft *draft);
STATUS_MUST_CHECK enum status decide_roll(struct draft *draft);
STATUS_MUST_CHECK enum status decide_update_authority(struct draft *draft);
STATUS_MUST_CHECK enum status decide_update(struct draft *draft);
STATUS_MUST_CHECK enum status decide_delete_authority(struct draft *draft);
STATUS_MUST_CHECK enum status decide_delete(struct draft *draft);
STATUS_MUST_CHECK enum status decide_revoke_all(struct draft *draft);
STATUS_MUST_CHECK enum status decide_delete_account(struct draft *draft);
STATUS_MUST_CHECK enum status decide_delete_tier(struct draft *draft);
STATUS_MUST_CHECK enum status decide_purge(struct draft *draft);
STATUS_MUST_CHECK enum status decide_put_account(struct draft *draft);
STATUS_MUST_CHECK enum status decide_put_tier(struct draft *draft);
STATUS_MUST_CHECK enum status decide_put_scope(struct draft *draft);
STATUS_MUST_CHECK enum status decide_delete_scope(struct draft *draft);
STATUS_MUST_CHECK enum status decide_import(struct draft *draft);
STATUS_MUST_CHECK enum status decide_reset_authority(struct draft *draft);
STATUS_MUST_CHECK enum status decide_reset_meters(struct draft *draft);

// --- what several deciders share

// Reads the caller's key again.
// Errors:
//   UNAUTHENTICATED  it does not work any more
//   others           those of the store
STATUS_MUST_CHECK enum status decide_caller(struct draft *draft);

// May the caller change what belongs to this account? Operators may, and account-admins for their own account.
bool decide_may_touch(const struct registry_caller *caller, struct slice account);
// Sets in `record` what the command's mask names of `asked`, or all of it without a mask. `record` has its name and, if
// it is there already, what it is now.
void decide_set_masked(const struct draft *draft, enum registry_record_kind kind, const void *asked, void *record);
// Does the mask name this field?
bool decide_mask_names(const struct registry_command *command, const char *field);
// Errors: ABORTED when the command asks for another version than the record has (0: there is no record).
STATUS_MUST_CHECK enum status decide_version(struct draft *draft, const char *field, uint64_t version);
// Finds the tier that is marked as default; the name is empty when there is none.
// Errors: those of the store.
STATUS_MUST_CHECK enum status decide_default_tier(struct draft *draft, struct slice *name);

#endif
