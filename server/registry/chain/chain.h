// The audit chain: every change in order; each link's MAC includes the one before it. Private to the room.
//
// Threads: as the transaction that is handed in.
// Errors of the store:
//   UNAVAILABLE         it cannot be read
//   DATA_LOSS           a record does not decode
//   RESOURCE_EXHAUSTED  the arena is out
#ifndef REGISTRY_CHAIN_CHAIN_H
#define REGISTRY_CHAIN_CHAIN_H

#include "registry/pack/pack.h"

// Reads the head; it is all zeros before the first change.
// Errors: those of the store.
STATUS_MUST_CHECK enum status chain_read_head(struct store_txn *txn, struct chain_head *out);

// Makes the link that follows `previous`, and its head.
// Errors:
//   RESOURCE_EXHAUSTED  the arena is out
//   INTERNAL            there is no MAC
STATUS_MUST_CHECK enum status chain_extend(const struct secret *secret, const struct chain_head *previous,
                                           struct slice change, struct arena *arena, struct slice *link,
                                           struct chain_head *next);
void chain_write(struct store_txn *txn, struct slice link, const struct chain_head *head);

// Errors:
//   NOT_FOUND  there is no such link
//   others     those of the store
STATUS_MUST_CHECK enum status chain_read_link(struct store_txn *txn, uint64_t seq, struct arena *arena,
                                              struct chain_link *out);
// Finds the newest change up to `seq` that made or changed the image's record, by the index; 0: none.
// Errors: those of the store.
STATUS_MUST_CHECK enum status chain_find_change(struct store_txn *txn, const struct image *image, uint64_t seq,
                                                uint64_t *out);
// Does the link follow a link with that MAC?
// Errors: DATA_LOSS when not, or the keyring lacks its master secret.
STATUS_MUST_CHECK enum status chain_verify_link(const struct secret *secret, const uint8_t previous[SECRET_HASH_SIZE],
                                                const struct chain_link *link);

// Does the head fit the last link, and the last link the one before it?
// Errors:
//   DATA_LOSS  it does not; the failure says what
//   others     those of the store
STATUS_MUST_CHECK enum status chain_verify_end(const struct secret *secret, struct store_txn *txn, struct arena *arena,
                                               struct status_failure *failure);

#endif
