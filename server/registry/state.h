// What the files of the registry share. Private to the room.
#ifndef REGISTRY_STATE_H
#define REGISTRY_STATE_H

#include "registry/registry.h"

#include <stdatomic.h>

enum {
    // Enough for every step of the largest command: an import of 64 keys, each with all default scopes. Taken only as
    // far as it is needed.
    STATE_SCRATCH_BYTES = 8 * 1024 * 1024,
    // Enough for any one record.
    STATE_RECORD_BYTES = 256 * 1024
};

struct registry {
    struct store *store;
    struct secret *secret;
    struct clock *clock;
    char prefix[KEY_PREFIX_MAX]; // of tokens that name none
    size_t prefix_size;
    struct arena *scratch; // the writer thread's; reset at the start of each command
    const struct log *log;
    uint64_t idempotency_retention_ms;
    atomic_uint_fast64_t committed_seq;
    char *witness_path;   // NULL: none is kept
    uint64_t witness_seq; // what the file says; for registry_checkpoint
};

// The imported key of a token with that SHA-256, under whichever master secret it was imported. NOT_FOUND, UNAVAILABLE,
// DATA_LOSS, RESOURCE_EXHAUSTED (arena).
STATUS_MUST_CHECK enum status find_imported(const struct registry *registry, struct store_txn *view,
                                            const uint8_t sha256[SECRET_HASH_SIZE], struct arena *arena,
                                            struct registry_key *out);

// Puts the usual words into the note of a failure that nobody has explained yet. Returns `status`.
enum status state_explain(enum status status, struct status_note *note);

#endif
