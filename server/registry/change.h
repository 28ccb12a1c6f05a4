// A change: the states of all records that one command leaves behind. Private to the room.
//
// Threads: everything here is pure.
#ifndef REGISTRY_CHANGE_H
#define REGISTRY_CHANGE_H

#include "registry/registry.h"
#include "registry/table.h"

// The state of one record after the change.
struct image {
    enum registry_record_kind kind;
    bool removed; // tiers and scopes: the record is gone; the image shows it as it was, except for its version
    union {
        struct registry_key key;
        struct registry_account account;
        struct registry_tier tier;
        struct registry_scope scope;
    } of;
};

struct change {
    uint64_t seq;
    uint64_t time_ms;
    struct slice actor;
    struct slice on_behalf_of; // the account of the caller's key
    enum registry_command_kind kind;
    struct image *images; // at most one of each record
    size_t image_count;
    uint64_t idempotency_before_ms; // for a purge: it removes only idempotency records that are older than this
    size_t idempotency_count;       // for a purge: how many of these, at most REGISTRY_PURGE_IDEMPOTENCY_MAX
};

// An image's record: its table, its key, and the sequence of its last change.
enum table image_table(enum registry_record_kind kind);
struct slice image_id(const struct image *image); // points into the image
uint64_t image_version(const struct image *image);
// Returns the account that the record belongs to; empty for tiers and scopes.
struct slice image_account(const struct image *image);
// Returns the image of that record in a change, or NULL.
const struct image *change_find(const struct change *change, enum registry_record_kind kind, struct slice id);

// Returns the call's name: "create", "put_tier".
const char *change_name(enum registry_command_kind kind);

// Does the key count towards max_keys? Asks the record only, not its expiry or the account.
bool change_is_counted(const struct registry_key *key);
// Is it in the index of keys by account?
bool change_is_listed(const struct registry_key *key);
// Returns the expiry by which it is in the index of expiries; 0 when it is not there.
uint64_t change_listed_expiry(const struct registry_key *key);

#endif
