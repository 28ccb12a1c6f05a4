// The audit chain: every change in order; each link's MAC includes the one before it. Private to the room.
//
// Errors of the store: UNAVAILABLE, DATA_LOSS (does not decode), RESOURCE_EXHAUSTED (arena).
// Threads: as the transaction that is handed in.
#ifndef REGISTRY_CHAIN_CHAIN_H
#define REGISTRY_CHAIN_CHAIN_H

#include "registry/pack/pack.h"

// Reads the head; it is all zeros before the first change. Errors: those of the store.
STATUS_MUST_CHECK enum status chain_read_head(struct store_txn *txn, struct chain_head *out);

// Makes the link that follows `previous`, and its head. Errors: RESOURCE_EXHAUSTED (arena); INTERNAL without a MAC.
STATUS_MUST_CHECK enum status chain_extend(const struct secret *secret, const struct chain_head *previous,
                                           struct slice change, struct arena *arena, struct slice *link,
                                           struct chain_head *next);
void chain_write(struct store_txn *txn, struct slice link, const struct chain_head *head);

// Errors: NOT_FOUND when there is no such link; those of the store.
STATUS_MUST_CHECK enum status chain_read_link(struct store_txn *txn, uint64_t seq, struct arena *arena,
                                              struct chain_link *out);
// Finds the newest change up to `seq` that made or changed the image's record, by the index; 0: none.
// Errors: those of the store.
STATUS_MUST_CHECK enum status chain_find_change(struct store_txn *txn, const struct image *image, uint64_t seq,
                                                uint64_t *out);
// Does the link follow a link with that MAC? Errors: DATA_LOSS when not, or the keyring lacks its master secret.
STATUS_MUST_CHECK enum status chain_verify_link(const struct secret *secret, const uint8_t previous[SECRET_HASH_SIZE],
                                                const struct chain_link *link);

// Does the head fit the last link, and the last link the one before it? Errors: DATA_LOSS with a text; of the store.
STATUS_MUST_CHECK enum status chain_verify_end(const struct secret *secret, struct store_txn *txn, struct arena *arena,
                                               struct status_failure *failure);

#endif
