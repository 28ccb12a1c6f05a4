// All cryptography: the keyring, what is derived from it, token hashes, the chain's MAC, checkpoints, sealing.
//
// Owns: the keys derived from the master secrets, in guarded memory (sodium_malloc), wiped at close; the masters
// themselves are dropped once that is done. The only room that knows libsodium.
// A keyring holds 1 to 64 master secrets of 32 bytes by ascending id (the first is 1); the newest is used for what is
// made new, older ones keep what they made readable. Everything else is derived from a master with crypto_kdf (BLAKE2b,
// context "postern1", one subkey number per purpose), so that no two purposes share a key.
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

// Opens the keyring file at `path`. When it does not exist: made with one new master (0600, fsynced, and its directory
// 0700 when that is missing too) if `may_create`, else FAILED_PRECONDITION. FAILED_PRECONDITION too when it is not a
// regular file, readable by others, or not well-formed (the note names path and line); UNAVAILABLE when it cannot be
// read. `created` may be NULL.
STATUS_MUST_CHECK enum status secret_open(const char *path, bool may_create, struct secret **out, bool *created,
                                          struct status_note *note);
void secret_close(struct secret *secret); // wipes; NULL-safe

uint32_t secret_newest_id(const struct secret *secret);
size_t secret_count(const struct secret *secret);
uint32_t secret_id_at(const struct secret *secret, size_t index); // ascending

// All functions that take `master_id` answer NOT_FOUND when the keyring does not hold it; the output is then zeroed.

// Recognizes a master without revealing it; stored to notice a wrong keyring at start.
STATUS_MUST_CHECK enum status secret_check_value(const struct secret *secret, uint32_t master_id,
                                                 uint8_t out[SECRET_HASH_SIZE]);
// What is stored instead of a token: keyed BLAKE2b-256 of its text.
STATUS_MUST_CHECK enum status secret_token_hash(const struct secret *secret, uint32_t master_id, struct slice token,
                                                uint8_t out[SECRET_HASH_SIZE]);
// What is stored instead of an imported token: keyed BLAKE2b-256 of the SHA-256 of its text, so that a token can be
// imported by whoever holds only its SHA-256.
STATUS_MUST_CHECK enum status secret_import_hash(const struct secret *secret, uint32_t master_id,
                                                 const uint8_t sha256[SECRET_HASH_SIZE], uint8_t out[SECRET_HASH_SIZE]);
// SHA-256 (FIPS 180-4), of an imported token's text.
void secret_sha256(struct slice content, uint8_t out[SECRET_HASH_SIZE]);
// Constant-time comparison.
bool secret_equal(const uint8_t a[SECRET_HASH_SIZE], const uint8_t b[SECRET_HASH_SIZE]);
// One link of the audit chain: keyed BLAKE2b-256 of previous MAC and entry.
STATUS_MUST_CHECK enum status secret_chain_mac(const struct secret *secret, uint32_t master_id,
                                               const uint8_t previous[SECRET_HASH_SIZE], struct slice entry,
                                               uint8_t out[SECRET_HASH_SIZE]);
// Checkpoints of the audit chain: Ed25519 (RFC 8032) over `content` as it is, with a key pair whose seed is derived
// from the master. Deterministic: the same content gives the same signature. The public key is no secret; with it
// anybody can verify.
STATUS_MUST_CHECK enum status secret_checkpoint_sign(const struct secret *secret, uint32_t master_id,
                                                     struct slice content, uint8_t out[SECRET_SIGNATURE_SIZE]);
STATUS_MUST_CHECK enum status secret_checkpoint_public(const struct secret *secret, uint32_t master_id,
                                                       uint8_t out[SECRET_PUBLIC_KEY_SIZE]);
// Needs no keyring and no secret_open. False too for a public key that is not a proper one.
bool secret_checkpoint_verify(const uint8_t public_key[SECRET_PUBLIC_KEY_SIZE], struct slice content,
                              const uint8_t signature[SECRET_SIGNATURE_SIZE]);
// Name of an idempotency record: keyed BLAKE2b-256 of caller and request_id (each preceded by its length).
STATUS_MUST_CHECK enum status secret_idempotency_name(const struct secret *secret, uint32_t master_id,
                                                      struct slice caller, struct slice request_id,
                                                      uint8_t out[SECRET_HASH_SIZE]);
// Encrypts a reply under a key derived from master, caller and request_id. `out` needs plain.size +
// SECRET_SEAL_OVERHEAD bytes. Unsealing gives DATA_LOSS when anything does not match; `out` needs sealed.size -
// SECRET_SEAL_OVERHEAD bytes.
STATUS_MUST_CHECK enum status secret_seal(const struct secret *secret, uint32_t master_id, struct slice caller,
                                          struct slice request_id, struct slice plain, uint8_t *out);
STATUS_MUST_CHECK enum status secret_unseal(const struct secret *secret, uint32_t master_id, struct slice caller,
                                            struct slice request_id, struct slice sealed, uint8_t *out);
// MAC over a page token's content.
STATUS_MUST_CHECK enum status secret_page_mac(const struct secret *secret, uint32_t master_id, struct slice content,
                                              uint8_t out[SECRET_HASH_SIZE]);
// First 14 bits of a keyed BLAKE2b of the account id; the key comes from master 1 and is never rotated.
uint16_t secret_account_slot(const struct secret *secret, struct slice account);
// Unkeyed BLAKE2b-256, e.g. of a whole call.
void secret_digest(struct slice content, uint8_t out[SECRET_HASH_SIZE]);
// Overwrites memory in a way that the compiler keeps.
void secret_wipe(void *memory, size_t size_bytes);

#endif
