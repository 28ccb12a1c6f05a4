// The subkeys that are derived from the masters, one per purpose. They are made once, when the keyring is opened,
// because deriving one for each call would cost more than the hash itself.
#ifndef SECRET_DERIVE_H
#define SECRET_DERIVE_H

#include "secret/keyring.h"
#include "secret/secret.h"

// Subkey numbers of crypto_kdf. Stored data depends on them: never change one, never use one again.
enum purpose {
    PURPOSE_CHECK = 1,
    PURPOSE_TOKEN = 2,
    PURPOSE_CHAIN = 3,
    PURPOSE_IDEMPOTENCY_NAME = 4,
    PURPOSE_IDEMPOTENCY_SEAL = 5,
    PURPOSE_PAGE = 6,
    PURPOSE_SLOT = 7,
    PURPOSE_CHECKPOINT = 8, // seed of the Ed25519 key
    PURPOSE_IMPORT = 9,
    PURPOSE_COUNT = 10
};

enum { SUBKEY_SIZE = 32 };

struct master {
    uint32_t id;
    uint8_t subkeys[PURPOSE_COUNT][SUBKEY_SIZE]; // by purpose; the first is not used
};

// Guarded, read-only memory. The masters themselves are not kept: nothing needs them after the derivation.
struct secret {
    size_t count;
    struct master masters[KEYRING_MASTERS_MAX]; // ids ascending
};

// Returns the master's subkey for this purpose, or NULL when the keyring does not hold that master.
const uint8_t *secret_subkey(const struct secret *secret, uint32_t master_id, enum purpose purpose);

#endif
