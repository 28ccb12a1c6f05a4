// Writes a change: its images, what is derived from them, what it removes of idempotency records, the audit chain and
// the head. Private to the room.
//
// Two steps, so that memory can run out only before the first write: prepare reads and packs, write only writes.
// Deterministic; a change that was applied already changes nothing.
// Threads: the writer's.
#ifndef REGISTRY_APPLY_APPLY_H
#define REGISTRY_APPLY_APPLY_H

#include "registry/apply/idempotency.h"
#include "registry/chain/chain.h"

// One image, ready to be written.
struct apply_image {
    const struct image *image;
    struct slice value; // packed
    bool is_new_key;
    int count_step; // by how much the account's number of keys changes
    bool was_listed;
    uint64_t expiry_before_ms; // by which it is in the index of expiries
};

struct apply_plan {
    struct apply_image *images;
    size_t image_count;
    struct idempotency_old *old; // to remove
    size_t old_count;
    struct slice link;
    struct chain_head head;
    bool is_applied; // before: nothing to write
};

// All in `arena`. RESOURCE_EXHAUSTED (arena), DATA_LOSS, UNAVAILABLE; INTERNAL when the sequence has a gap. Nothing may
// be written between prepare and write.
STATUS_MUST_CHECK enum status apply_prepare(struct store_txn *txn, const struct secret *secret,
                                            const struct change *change, struct arena *arena, struct apply_plan *out);
void apply_write(struct store_txn *txn, const struct apply_plan *plan);

#endif
