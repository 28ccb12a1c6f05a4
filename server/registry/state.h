// What the files of the registry share. Private to the room.
#ifndef REGISTRY_STATE_H
#define REGISTRY_STATE_H

#include "registry/registry.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    // Enough for every step of the largest command: an import of 64 keys, each with all default scopes. Memory is taken
    // only as needed.
    STATE_SCRATCH_BYTES = 8 * 1024 * 1024,
    // Enough for any one record.
    STATE_RECORD_BYTES = 256 * 1024
};

// Of registry_count_keys.
struct key_count_walk {
    bool is_under_way;
    bool after_set;
    uint8_t after[KEY_ID_SIZE];
    uint64_t begun_ms;
    uint64_t begun_seq; // the newest change then
    struct registry_key_counts counts;
};
struct key_counts {
    struct key_count_walk walk; // whoever counts has it
    pthread_mutex_t mutex;      // guards `last`
    struct registry_key_counts last;
};

struct registry {
    struct store *store;
    struct secret *secret;
    struct clock *clock;
    char prefix[KEY_PREFIX_MAX]; // of tokens for which no prefix is given
    size_t prefix_size;
    struct arena *scratch; // used by the writer thread; reset at the start of each command
    const struct log *log;
    uint64_t idempotency_retention_ms;
    uint64_t share_bytes; // of changes that one account's own keys may write
    atomic_uint_fast64_t committed_seq;
    atomic_uint_fast64_t deciding_ms; // no later than any command of the batch under way was decided; 0: there is none
    char *witness_path;               // NULL: there is no witness file
    uint64_t witness_seq;             // of the witness file; for registry_checkpoint
    struct key_counts key_counts;
};

// Finds the imported key of a token with that SHA-256, under any master secret.
// Errors: as registry_find_key.
STATUS_MUST_CHECK enum status find_imported(const struct registry *registry, struct store_txn *view,
                                            const uint8_t sha256[SECRET_HASH_SIZE], struct arena *arena,
                                            struct registry_key *out);

// Submits a command and waits until it is answered; its `done` may be NULL. Not for the writer's thread.
// Errors:
//   RESOURCE_EXHAUSTED  also when it cannot be waited for
//   others              as registry_submit has them for `done`
STATUS_MUST_CHECK enum status registry_run(struct registry *registry, struct registry_command *command);

// Puts the usual words into a failure that has none yet. Returns `status`.
enum status state_explain(enum status status, struct status_failure *failure);

#endif
