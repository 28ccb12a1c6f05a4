// What the files of registry_check share. Private to the room.
//
// Threads: one.
#ifndef REGISTRY_FSCK_FSCK_H
#define REGISTRY_FSCK_FSCK_H

#include "registry/chain/chain.h"
#include "registry/state.h"
#include "registry/table.h"

struct check {
    struct registry *registry;
    struct store_txn *view;
    struct arena *arena; // reset for every entry
    struct chain_head head;
    struct status_note *note;
    uint64_t entries; // links that were checked
    // How many entries the indexes must have, as far as chain and records say.
    struct {
        uint64_t keys;          // by account
        uint64_t expiries;      // by expiry
        uint64_t imports;       // imported keys
        uint64_t default_tiers; // with the mark
        uint64_t default_scopes;
        uint64_t images;   // of changes by record
        uint64_t accounts; // of changes by account
    } expected;
};

// DATA_LOSS with a note that names the record, or says what is wrong with a table.
STATUS_MUST_CHECK enum status check_fail_record(struct check *check, enum image_kind kind, struct slice id,
                                                const char *what);
STATUS_MUST_CHECK enum status check_fail_table(struct check *check, const char *what);

// Visits every entry of a table, with the arena reset for each.
typedef enum status check_visit_fn(struct check *check, struct slice key, struct slice value, void *context);
STATUS_MUST_CHECK enum status check_walk(struct check *check, enum table table, check_visit_fn *visit, void *context);
STATUS_MUST_CHECK enum status check_count_one(struct check *check, struct slice key, struct slice value, void *context);

// The parts, in this order; the records are between the first and the second.
STATUS_MUST_CHECK enum status check_chain(struct check *check);
STATUS_MUST_CHECK enum status check_indexes(struct check *check);
STATUS_MUST_CHECK enum status check_replays(struct check *check);

#endif
