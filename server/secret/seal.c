// Names idempotency records and encrypts the reply in them, so that the store alone gives no token away.
#include <sodium.h>
#include <string.h>

#include "base/random.h"
#include "secret/derive.h"
#include "secret/secret.h"

enum {
    NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    SEAL_KEY_SIZE = crypto_aead_xchacha20poly1305_ietf_KEYBYTES
};

_Static_assert(SECRET_SEAL_OVERHEAD == NONCE_SIZE + crypto_aead_xchacha20poly1305_ietf_ABYTES, "seal overhead");
_Static_assert((int)SEAL_KEY_SIZE == (int)SECRET_HASH_SIZE, "seal key size");

static void add_part(crypto_generichash_state *state, struct slice part)
{
    uint8_t size[8];
    for (unsigned i = 0; i < sizeof size; i++)
        size[i] = (uint8_t)((uint64_t)part.size >> (56 - 8 * i));
    crypto_generichash_update(state, size, sizeof size);
    crypto_generichash_update(state, part.data, part.size);
}

// Computes keyed BLAKE2b-256 of both parts, each preceded by its length (8 bytes, big-endian).
static void hash_pair(const uint8_t key[SUBKEY_SIZE], struct slice first, struct slice second,
                      uint8_t out[SECRET_HASH_SIZE])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, SUBKEY_SIZE, SECRET_HASH_SIZE);
    add_part(&state, first);
    add_part(&state, second);
    crypto_generichash_final(&state, out, SECRET_HASH_SIZE);
    sodium_memzero(&state, sizeof state);
}

enum status secret_idempotency_name(const struct secret *secret, uint32_t master_id, struct slice caller,
                                    struct slice request_id, uint8_t out[SECRET_HASH_SIZE])
{
    const uint8_t *key = secret_subkey(secret, master_id, PURPOSE_IDEMPOTENCY_NAME);
    if (key == NULL) {
        memset(out, 0, SECRET_HASH_SIZE);
        return STATUS_NOT_FOUND;
    }
    hash_pair(key, caller, request_id, out);
    return STATUS_OK;
}

enum status secret_seal(const struct secret *secret, uint32_t master_id, struct slice caller, struct slice request_id,
                        struct slice plain, uint8_t *out)
{
    const uint8_t *subkey = secret_subkey(secret, master_id, PURPOSE_IDEMPOTENCY_SEAL);
    if (subkey == NULL) {
        memset(out, 0, plain.size + SECRET_SEAL_OVERHEAD);
        return STATUS_NOT_FOUND;
    }
    uint8_t key[SEAL_KEY_SIZE];
    hash_pair(subkey, caller, request_id, key);
    random_fill(out, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_SIZE, NULL, plain.data, plain.size, NULL, 0, NULL, out, key);
    sodium_memzero(key, sizeof key);
    return STATUS_OK;
}

enum status secret_unseal(const struct secret *secret, uint32_t master_id, struct slice caller, struct slice request_id,
                          struct slice sealed, uint8_t *out)
{
    if (sealed.size < SECRET_SEAL_OVERHEAD)
        return STATUS_DATA_LOSS;
    const uint8_t *subkey = secret_subkey(secret, master_id, PURPOSE_IDEMPOTENCY_SEAL);
    if (subkey == NULL) {
        sodium_memzero(out, sealed.size - SECRET_SEAL_OVERHEAD);
        return STATUS_NOT_FOUND;
    }
    uint8_t key[SEAL_KEY_SIZE];
    hash_pair(subkey, caller, request_id, key);
    int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.data + NONCE_SIZE,
                                                         sealed.size - NONCE_SIZE, NULL, 0, sealed.data, key);
    sodium_memzero(key, sizeof key);
    return bad == 0 ? STATUS_OK : STATUS_DATA_LOSS;
}
