// All cryptography: the keyring, what is derived from it, token hashes, the chain's MAC, checkpoints, sealing.
//
// Owns: the keys derived from the master secrets, in guarded memory (sodium_malloc), wiped at close; the masters
// themselves are dropped once that is done. The only room that knows libsodium.
// A keyring holds 1 to 64 master secrets of 32 bytes by ascending id (the first is 1). The newest one makes new values;
// older ones stay so that their values remain readable. Everything else is derived from a master with crypto_kdf
// (BLAKE2b, context "postern1", one subkey number per purpose), so that no two purposes share a key.
// Threads: after secret_open everything may be called from any thread.
#ifndef SECRET_SECRET_H
#define SECRET_SECRET_H

#include "base/slice.h"
#include "base/status.h"

enum {
    SECRET_HASH_SIZE = 32,
    SECRET_PUBLIC_KEY_SIZE = 32, // Ed25519
    SECRET_SIGNATURE_SIZE = 64,
    SECRET_SEAL_OVERHEAD = 40, // XChaCha20-Poly1305: 24 bytes nonce, 16 bytes tag
    SECRET_SLOT_BITS = 14
};

struct secret;

// Opens the keyring file at `path`. When it is missing and `may_create` is set, it makes the file with one new master
// (0600, fsynced; also its directory, 0700). `created` may be NULL. The caller closes *out.
// Errors:
//   FAILED_PRECONDITION  the file is missing, not a regular file, open to others, or not well-formed (the failure says
//                        where)
//   INVALID_ARGUMENT     the path of a new keyring is too long
//   UNAVAILABLE          it cannot be read or made, or memory is out
//   INTERNAL             libsodium does not start
STATUS_MUST_CHECK enum status secret_open(const char *path, bool may_create, struct secret **out, bool *created,
                                          struct status_failure *failure);
void secret_close(struct secret *secret); // wipes; NULL-safe

uint32_t secret_newest_id(const struct secret *secret);
size_t secret_count(const struct secret *secret);
uint32_t secret_id_at(const struct secret *secret, size_t index); // ascending

// Errors of all functions here that take `master_id`: NOT_FOUND when the keyring does not hold it; the output is then
// zeroed.
//
// Makes a value that recognizes a master without revealing it; it is stored to notice a wrong keyring at start.
STATUS_MUST_CHECK enum status secret_check_value(const struct secret *secret, uint32_t master_id,
                                                 uint8_t out[SECRET_HASH_SIZE]);
// Makes the value that is stored instead of a token: keyed BLAKE2b-256 of its text.
STATUS_MUST_CHECK enum status secret_token_hash(const struct secret *secret, uint32_t master_id, struct slice token,
                                                uint8_t out[SECRET_HASH_SIZE]);
// Makes the value that is stored instead of an imported token: keyed BLAKE2b-256 of the SHA-256 of its text, so that
// the SHA-256 is enough to import a token.
STATUS_MUST_CHECK enum status secret_import_hash(const struct secret *secret, uint32_t master_id,
                                                 const uint8_t sha256[SECRET_HASH_SIZE], uint8_t out[SECRET_HASH_SIZE]);
// Computes SHA-256 (FIPS 180-4), of an imported token's text.
void secret_sha256(struct slice content, uint8_t out[SECRET_HASH_SIZE]);
// Compares in constant time.
bool secret_equal(const uint8_t a[SECRET_HASH_SIZE], const uint8_t b[SECRET_HASH_SIZE]);
// Makes the MAC of one link of the audit chain: keyed BLAKE2b-256 of the previous MAC and the entry.
STATUS_MUST_CHECK enum status secret_chain_mac(const struct secret *secret, uint32_t master_id,
                                               const uint8_t previous[SECRET_HASH_SIZE], struct slice entry,
                                               uint8_t out[SECRET_HASH_SIZE]);
// Signs a checkpoint of the audit chain: Ed25519 (RFC 8032) over `content` as it is, with a key pair whose seed is
// derived from the master. The same content gives the same signature. Anybody who has the public key can verify it.
STATUS_MUST_CHECK enum status secret_checkpoint_sign(const struct secret *secret, uint32_t master_id,
                                                     struct slice content, uint8_t out[SECRET_SIGNATURE_SIZE]);
STATUS_MUST_CHECK enum status secret_checkpoint_public(const struct secret *secret, uint32_t master_id,
                                                       uint8_t out[SECRET_PUBLIC_KEY_SIZE]);
// Verifies a checkpoint's signature; needs no keyring and no secret_open. False also for an invalid public key.
bool secret_checkpoint_verify(const uint8_t public_key[SECRET_PUBLIC_KEY_SIZE], struct slice content,
                              const uint8_t signature[SECRET_SIGNATURE_SIZE]);
// Makes the name of an idempotency record: keyed BLAKE2b-256 of caller and request_id, each preceded by its length.
STATUS_MUST_CHECK enum status secret_idempotency_name(const struct secret *secret, uint32_t master_id,
                                                      struct slice caller, struct slice request_id,
                                                      uint8_t out[SECRET_HASH_SIZE]);
// Encrypts a reply under a key derived from master, caller and request_id. `out` needs plain.size +
// SECRET_SEAL_OVERHEAD bytes.
STATUS_MUST_CHECK enum status secret_seal(const struct secret *secret, uint32_t master_id, struct slice caller,
                                          struct slice request_id, struct slice plain, uint8_t *out);
// Decrypts what secret_seal has made. `out` needs sealed.size - SECRET_SEAL_OVERHEAD bytes.
// Errors: also DATA_LOSS when the bytes are damaged, or caller or request_id are others.
STATUS_MUST_CHECK enum status secret_unseal(const struct secret *secret, uint32_t master_id, struct slice caller,
                                            struct slice request_id, struct slice sealed, uint8_t *out);
// Makes the MAC of a page token's content.
STATUS_MUST_CHECK enum status secret_page_mac(const struct secret *secret, uint32_t master_id, struct slice content,
                                              uint8_t out[SECRET_HASH_SIZE]);

// Returns the first 14 bits of a keyed BLAKE2b of the account id; the key comes from master 1 and is never rotated.
uint16_t secret_account_slot(const struct secret *secret, struct slice account);
// Computes BLAKE2b-256 without a key, e.g. of a whole call.
void secret_digest(struct slice content, uint8_t out[SECRET_HASH_SIZE]);
// Overwrites memory in a way that the compiler keeps.
void secret_wipe(void *memory, size_t size_bytes);

#endif
