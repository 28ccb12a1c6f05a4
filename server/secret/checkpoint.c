// Signs and verifies checkpoints of the audit chain. Checkpoints are rare, so the key pair is made for each one (about
// 20 microseconds) and no signing key stays in memory.
#include <sodium.h>
#include <string.h>

#include "secret/derive.h"
#include "secret/secret.h"

_Static_assert(SECRET_PUBLIC_KEY_SIZE == crypto_sign_ed25519_PUBLICKEYBYTES, "public key size");
_Static_assert(SECRET_SIGNATURE_SIZE == crypto_sign_ed25519_BYTES, "signature size");
_Static_assert(SUBKEY_SIZE == crypto_sign_ed25519_SEEDBYTES, "seed size");

struct key_pair {
    uint8_t public_key[SECRET_PUBLIC_KEY_SIZE];
    uint8_t signing_key[crypto_sign_ed25519_SECRETKEYBYTES];
};

// Makes the key pair, which the caller wipes. False when the keyring does not hold that master.
static bool make_pair(const struct secret *secret, uint32_t master_id, struct key_pair *out)
{
    const uint8_t *seed = secret_subkey(secret, master_id, PURPOSE_CHECKPOINT);
    return seed != NULL && crypto_sign_ed25519_seed_keypair(out->public_key, out->signing_key, seed) == 0;
}

enum status secret_checkpoint_sign(const struct secret *secret, uint32_t master_id, struct slice content,
                                   uint8_t out[SECRET_SIGNATURE_SIZE])
{
    struct key_pair pair;
    memset(out, 0, SECRET_SIGNATURE_SIZE);
    if (!make_pair(secret, master_id, &pair))
        return STATUS_NOT_FOUND;
    (void)crypto_sign_ed25519_detached(out, NULL, content.data, content.size, pair.signing_key); // cannot fail
    sodium_memzero(&pair, sizeof pair);
    return STATUS_OK;
}

enum status secret_checkpoint_public(const struct secret *secret, uint32_t master_id,
                                     uint8_t out[SECRET_PUBLIC_KEY_SIZE])
{
    struct key_pair pair;
    memset(out, 0, SECRET_PUBLIC_KEY_SIZE);
    if (!make_pair(secret, master_id, &pair))
        return STATUS_NOT_FOUND;
    memcpy(out, pair.public_key, SECRET_PUBLIC_KEY_SIZE);
    sodium_memzero(&pair, sizeof pair);
    return STATUS_OK;
}

bool secret_checkpoint_verify(const uint8_t public_key[SECRET_PUBLIC_KEY_SIZE], struct slice content,
                              const uint8_t signature[SECRET_SIGNATURE_SIZE])
{
    return crypto_sign_ed25519_verify_detached(signature, content.data, content.size, public_key) == 0;
}
