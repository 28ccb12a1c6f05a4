// Idempotency records: the first reply of a change, found again by caller and request_id. Private to the room.
//
// A record lives REGISTRY_REPLAY_MS. The reply is encrypted under a key that needs the caller's name and the
// request_id, neither of which is stored. Threads: the writer's.
#ifndef REGISTRY_REPLAY_H
#define REGISTRY_REPLAY_H

#include "registry/record.h"
#include "registry/state.h"

// Removes up to a few expired records. True when there may be more. What cannot be read sticks to the transaction.
bool replay_expire(struct store_txn *txn, uint64_t now_ms);

// *found: the command was answered before; its reply is in command->reply. ALREADY_EXISTS: that was another call.
// DATA_LOSS, UNAVAILABLE, RESOURCE_EXHAUSTED (memory). An expired record is as none, and is removed.
STATUS_MUST_CHECK enum status replay_find(const struct registry *registry, struct store_txn *txn,
                                          struct registry_command *command, uint64_t now_ms, bool *found);

// A record, ready to be written.
struct replay_plan {
    uint8_t name[SECRET_HASH_SIZE];
    uint8_t caller[SECRET_HASH_SIZE];
    uint64_t time_ms;
    uint64_t count; // of the caller's records, with this one
    struct slice value;
};

// Of command->reply. RESOURCE_EXHAUSTED when the caller has too many (with a note), or memory is out.
STATUS_MUST_CHECK enum status replay_prepare(const struct registry *registry, struct store_txn *txn,
                                             struct registry_command *command, uint64_t now_ms,
                                             struct replay_plan *out);
void replay_write(struct store_txn *txn, const struct replay_plan *plan);

#endif
