// What the files of registry_fsck share. Private to the room.
//
// Threads: one.
#ifndef REGISTRY_FSCK_FSCK_H
#define REGISTRY_FSCK_FSCK_H

#include "registry/chain/chain.h"
#include "registry/state.h"
#include "registry/table.h"

struct fsck {
    struct registry *registry;
    struct store_txn *view;
    struct arena *arena; // reset for every entry
    struct chain_head head;
    struct status_failure *failure;
    uint64_t entries; // links that were checked
    // How many entries the indexes must have, counted along the chain and the records.
    struct {
        uint64_t keys;          // by account
        uint64_t expiries;      // by expiry
        uint64_t live;          // not revoked, by account and expiry
        uint64_t imports;       // imported keys
        uint64_t default_tiers; // with the mark
        uint64_t default_scopes;
        uint64_t images;   // of changes by record
        uint64_t accounts; // of changes by account
    } expected;
};

// Fail with a failure that names the record or table, and says what is wrong.
// Errors of both of these: always DATA_LOSS.
STATUS_MUST_CHECK enum status fsck_fail_record(struct fsck *fsck, enum registry_record_kind kind, struct slice id,
                                               const char *what);
STATUS_MUST_CHECK enum status fsck_fail_table(struct fsck *fsck, const char *what);

// Visits every entry of a table, with the arena reset for each. fsck_count_one is a visit that counts.
// Errors of all of these:
//   UNAVAILABLE  the table cannot be read
//   others       what `visit` returns
typedef enum status fsck_visit_fn(struct fsck *fsck, struct slice key, struct slice value, void *context);
STATUS_MUST_CHECK enum status fsck_walk(struct fsck *fsck, enum table table, fsck_visit_fn *visit, void *context);
STATUS_MUST_CHECK enum status fsck_count_one(struct fsck *fsck, struct slice key, struct slice value, void *context);

// The parts, in this order; fsck.c checks the records between the first and the second.
// Errors of all of these:
//   DATA_LOSS           something is damaged or does not fit; the failure says what
//   UNAVAILABLE         the store cannot be read
//   RESOURCE_EXHAUSTED  the arena is out
STATUS_MUST_CHECK enum status fsck_chain(struct fsck *fsck);
STATUS_MUST_CHECK enum status fsck_indexes(struct fsck *fsck);
STATUS_MUST_CHECK enum status fsck_idempotency(struct fsck *fsck);

#endif
