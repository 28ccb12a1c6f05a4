// Writes a change: its images, their entries in indexes, the idempotency records that it removes, the audit chain and
// the head. Private to the room.
//
// There are two steps, so that memory can run out only before the first write: prepare reads and packs, write only
// writes. It is deterministic, and applying a change again changes nothing.
// Threads: the writer's.
#ifndef REGISTRY_APPLY_APPLY_H
#define REGISTRY_APPLY_APPLY_H

#include "registry/apply/idempotency.h"
#include "registry/chain/chain.h"
#include "registry/table.h"

// One image, ready to be written.
struct apply_image {
    const struct image *image;
    struct slice value; // packed
    bool is_new_key;
    bool was_listed;
    bool was_live;             // it was in the index of live keys,
    uint64_t live_before_ms;   // by this expiry,
    uint64_t made_before_ms;   // made then
    uint64_t expiry_before_ms; // the expiry by which it was in the index of expiries; 0: it was not
};

struct apply_plan {
    struct apply_image *images;
    size_t image_count;
    struct idempotency_old *old; // to remove
    size_t old_count;
    struct slice link;
    struct slice writer; // the account whose key makes the change; empty for operators
    uint64_t written;    // bytes of all changes that its keys have made, with this one
    struct chain_head head;
    bool is_applied; // it was applied before: there is nothing to write
};

// Prepares the change in `arena`. Nothing may be written between prepare and write.
// Errors:
//   RESOURCE_EXHAUSTED  the arena is out
//   DATA_LOSS           a record does not decode
//   UNAVAILABLE         the store cannot be read
//   INTERNAL            the sequence has a gap
STATUS_MUST_CHECK enum status apply_prepare(struct store_txn *txn, const struct secret *secret,
                                            const struct change *change, struct arena *arena, struct apply_plan *out);
void apply_write(struct store_txn *txn, const struct apply_plan *plan);
// Stores an account's count of live keys, whose moments a decision has moved on. It says the same as before.
void apply_write_count(struct store_txn *txn, struct slice account, const struct table_count *count);

// Counts what accounts' own keys have written with the change of this sequence, as apply_write does. For a store of an
// older version, whose changes are counted again in their order.
// Errors:
//   RESOURCE_EXHAUSTED  the arena is out
//   DATA_LOSS           a record does not decode
//   UNAVAILABLE         the store cannot be read
STATUS_MUST_CHECK enum status apply_count_written(struct store_txn *txn, uint64_t seq, struct arena *arena);

#endif
