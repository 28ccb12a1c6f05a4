// Idempotency records: the first reply of a change, found again by caller and request_id. Private to the room.
//
// A record lives as long as the registry's retention; an expired one counts as missing and waits for a purge. The reply
// is encrypted under a key that needs the caller's name and the request_id, neither of which is stored.
// Threads: the writer's.
// Errors of the store:
//   UNAVAILABLE         it cannot be read
//   DATA_LOSS           a record does not decode
//   RESOURCE_EXHAUSTED  memory is out
#ifndef REGISTRY_APPLY_IDEMPOTENCY_H
#define REGISTRY_APPLY_IDEMPOTENCY_H

#include "registry/pack/pack.h"
#include "registry/state.h"

// The name and caller of one record, as the index of times has them.
struct idempotency_old {
    uint8_t key[TABLE_IDEMPOTENCY_TIME_SIZE];
    uint8_t caller[SECRET_HASH_SIZE];
};

// Collects the oldest records that were made before `before_ms`, at most `max`.
// Errors: those of the store.
STATUS_MUST_CHECK enum status idempotency_collect(struct store_txn *txn, uint64_t before_ms, size_t max,
                                                  struct arena *arena, struct idempotency_old **out, size_t *count);
// Removes these records with all their entries in indexes.
void idempotency_remove(struct store_txn *txn, const struct idempotency_old *old, size_t count);
// Returns the time before which records have expired; 0: none.
uint64_t idempotency_dead_before(const struct registry *registry, uint64_t now_ms);

// Looks for the first reply to the command. When *found, it is in command->reply.
// Errors:
//   ALREADY_EXISTS  request_id was used for another call
//   others          those of the store
STATUS_MUST_CHECK enum status idempotency_find(const struct registry *registry, struct store_txn *txn,
                                               struct registry_command *command, uint64_t now_ms, bool *found);

// A record, ready to be written.
struct idempotency_plan {
    uint8_t name[SECRET_HASH_SIZE];
    uint8_t caller[SECRET_HASH_SIZE];
    uint64_t time_ms;
    uint64_t count; // of the caller's records, with this one
    bool replaces;  // an expired record of that name
    uint64_t replaced_ms;
    struct slice value;
};

// Prepares a record of command->reply.
// Errors:
//   RESOURCE_EXHAUSTED  the caller has too many records; the failure says so
//   others              those of the store
STATUS_MUST_CHECK enum status idempotency_prepare(const struct registry *registry, struct store_txn *txn,
                                                  struct registry_command *command, uint64_t now_ms,
                                                  struct idempotency_plan *out);
void idempotency_write(struct store_txn *txn, const struct idempotency_plan *plan);

#endif
