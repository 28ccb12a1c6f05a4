// Opens the keyring, derives one subkey for each purpose from each master secret, and computes the keyed hashes.
#include "secret/secret.h"

#include <sodium.h>
#include <string.h>

#include "secret/derive.h"

_Static_assert(SECRET_HASH_SIZE >= crypto_generichash_BYTES_MIN && SECRET_HASH_SIZE <= crypto_generichash_BYTES_MAX,
               "hash size");
_Static_assert(SUBKEY_SIZE >= crypto_generichash_KEYBYTES_MIN && SUBKEY_SIZE <= crypto_generichash_KEYBYTES_MAX,
               "subkey size");
_Static_assert(SECRET_HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256 size");
_Static_assert(SECRET_HASH_SIZE == crypto_verify_32_BYTES, "comparison size");
_Static_assert(KEYRING_MASTER_SIZE == crypto_kdf_KEYBYTES, "master size");

static const char context[crypto_kdf_CONTEXTBYTES + 1] = "postern1";

static enum status read_or_create(const char *path, bool may_create, struct keyring **out, bool *created,
                                  struct status_failure *failure)
{
    enum status status = keyring_read(path, out, failure);
    if (status != STATUS_NOT_FOUND)
        return status;
    if (!may_create)
        return status_fail(failure, STATUS_FAILED_PRECONDITION, NULL,
                           "%s: the keyring of this store is missing; put it back from your copy", path);
    status = keyring_create(path, failure);
    if (status != STATUS_OK && status != STATUS_ALREADY_EXISTS) // a keyring that somebody has just made is fine, too
        return status;
    *created = status == STATUS_OK;
    status = keyring_read(path, out, failure);
    return status == STATUS_NOT_FOUND ? STATUS_UNAVAILABLE : status;
}

static void derive_all(const struct keyring *keyring, struct secret *secret)
{
    sodium_memzero(secret, sizeof *secret);
    secret->count = keyring->count;
    for (size_t i = 0; i < keyring->count; i++) {
        struct master *master = &secret->masters[i];
        master->id = keyring->masters[i].id;
        for (unsigned purpose = PURPOSE_CHECK; purpose < PURPOSE_COUNT; purpose++)
            crypto_kdf_derive_from_key(master->subkeys[purpose], SUBKEY_SIZE, purpose, context,
                                       keyring->masters[i].secret);
    }
}

enum status secret_open(const char *path, bool may_create, struct secret **out, bool *created,
                        struct status_failure *failure)
{
    bool was_created = false;
    struct keyring *keyring = NULL;
    *out = NULL;
    if (sodium_init() < 0)
        return status_fail(failure, STATUS_INTERNAL, NULL, "libsodium cannot be initialized");
    enum status status = read_or_create(path, may_create, &keyring, &was_created, failure);
    if (created != NULL)
        *created = was_created;
    if (status != STATUS_OK)
        return status;
    struct secret *secret = sodium_malloc(sizeof *secret);
    if (secret == NULL) {
        keyring_free(keyring);
        return status_fail(failure, STATUS_UNAVAILABLE, NULL, "%s: out of memory for the keyring", path);
    }
    derive_all(keyring, secret);
    keyring_free(keyring);
    (void)sodium_mprotect_readonly(secret); // extra safety; everything works without it
    *out = secret;
    return STATUS_OK;
}

void secret_close(struct secret *secret)
{
    sodium_free(secret); // wipes
}

uint32_t secret_newest_id(const struct secret *secret)
{
    return secret->masters[secret->count - 1].id;
}

size_t secret_count(const struct secret *secret)
{
    return secret->count;
}

uint32_t secret_id_at(const struct secret *secret, size_t index)
{
    return secret->masters[index].id;
}

const uint8_t *secret_subkey(const struct secret *secret, uint32_t master_id, enum purpose purpose)
{
    for (size_t i = secret->count; i > 0; i--) // the newest first: it is asked for most often
        if (secret->masters[i - 1].id == master_id)
            return secret->masters[i - 1].subkeys[purpose];
    return NULL;
}

static void hash(const uint8_t *key, struct slice content, uint8_t out[SECRET_HASH_SIZE])
{
    crypto_generichash(out, SECRET_HASH_SIZE, content.data, content.size, key, key != NULL ? SUBKEY_SIZE : 0);
}

static enum status hash_for(const struct secret *secret, uint32_t master_id, enum purpose purpose, struct slice content,
                            uint8_t out[SECRET_HASH_SIZE])
{
    const uint8_t *key = secret_subkey(secret, master_id, purpose);
    if (key == NULL) {
        memset(out, 0, SECRET_HASH_SIZE);
        return STATUS_NOT_FOUND;
    }
    hash(key, content, out);
    return STATUS_OK;
}

enum status secret_check_value(const struct secret *secret, uint32_t master_id, uint8_t out[SECRET_HASH_SIZE])
{
    return hash_for(secret, master_id, PURPOSE_CHECK, slice_text("postern keyring check value"), out);
}

enum status secret_token_hash(const struct secret *secret, uint32_t master_id, struct slice token,
                              uint8_t out[SECRET_HASH_SIZE])
{
    return hash_for(secret, master_id, PURPOSE_TOKEN, token, out);
}

enum status secret_import_hash(const struct secret *secret, uint32_t master_id, const uint8_t sha256[SECRET_HASH_SIZE],
                               uint8_t out[SECRET_HASH_SIZE])
{
    return hash_for(secret, master_id, PURPOSE_IMPORT, slice_make(sha256, SECRET_HASH_SIZE), out);
}

enum status secret_page_mac(const struct secret *secret, uint32_t master_id, struct slice content,
                            uint8_t out[SECRET_HASH_SIZE])
{
    return hash_for(secret, master_id, PURPOSE_PAGE, content, out);
}

bool secret_equal(const uint8_t a[SECRET_HASH_SIZE], const uint8_t b[SECRET_HASH_SIZE])
{
    return crypto_verify_32(a, b) == 0;
}

enum status secret_chain_mac(const struct secret *secret, uint32_t master_id, const uint8_t previous[SECRET_HASH_SIZE],
                             struct slice entry, uint8_t out[SECRET_HASH_SIZE])
{
    const uint8_t *key = secret_subkey(secret, master_id, PURPOSE_CHAIN);
    if (key == NULL) {
        memset(out, 0, SECRET_HASH_SIZE);
        return STATUS_NOT_FOUND;
    }
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, SUBKEY_SIZE, SECRET_HASH_SIZE);
    crypto_generichash_update(&state, previous, SECRET_HASH_SIZE);
    crypto_generichash_update(&state, entry.data, entry.size);
    crypto_generichash_final(&state, out, SECRET_HASH_SIZE);
    return STATUS_OK;
}

uint16_t secret_account_slot(const struct secret *secret, struct slice account)
{
    uint8_t digest[SECRET_HASH_SIZE];
    hash(secret->masters[0].subkeys[PURPOSE_SLOT], account, digest); // the keyring always starts with master 1
    return (uint16_t)((digest[0] << 8 | digest[1]) >> (16 - SECRET_SLOT_BITS));
}

void secret_digest(struct slice content, uint8_t out[SECRET_HASH_SIZE])
{
    hash(NULL, content, out);
}

void secret_sha256(struct slice content, uint8_t out[SECRET_HASH_SIZE])
{
    crypto_hash_sha256(out, content.data, content.size);
}

void secret_wipe(void *memory, size_t size_bytes)
{
    sodium_memzero(memory, size_bytes);
}
