// The audit chain: every change in order, each link's MAC over the one before it. Private to the room.
//
// Threads: as the transaction that is handed in.
#ifndef REGISTRY_CHAIN_CHAIN_H
#define REGISTRY_CHAIN_CHAIN_H

#include "registry/pack/pack.h"

// All zeros as long as nothing was changed. DATA_LOSS, UNAVAILABLE.
STATUS_MUST_CHECK enum status chain_read_head(struct store_txn *txn, struct chain_head *out);

// Makes the link that follows `previous`, and the head that it leads to. RESOURCE_EXHAUSTED when the arena is out.
STATUS_MUST_CHECK enum status chain_extend(const struct secret *secret, const struct chain_head *previous,
                                           struct slice change, struct arena *arena, struct slice *link,
                                           struct chain_head *next);
void chain_write(struct store_txn *txn, struct slice link, const struct chain_head *head);

// NOT_FOUND when there is no such link.
STATUS_MUST_CHECK enum status chain_read_link(struct store_txn *txn, uint64_t seq, struct arena *arena,
                                              struct chain_link *out);
// The newest change up to `seq` that made or changed the image's record, as the index has it; 0: none.
// Errors: DATA_LOSS, UNAVAILABLE.
STATUS_MUST_CHECK enum status chain_find_change(struct store_txn *txn, const struct image *image, uint64_t seq,
                                                uint64_t *out);
// Does the link follow a link with that MAC? DATA_LOSS when not, also when the keyring lacks its master secret.
STATUS_MUST_CHECK enum status chain_verify_link(const struct secret *secret, const uint8_t previous[SECRET_HASH_SIZE],
                                                const struct chain_link *link);

// Does the head fit the last link, and the last link the one before it? DATA_LOSS with a note.
STATUS_MUST_CHECK enum status chain_verify_end(const struct secret *secret, struct store_txn *txn, struct arena *arena,
                                               struct status_note *note);

#endif
