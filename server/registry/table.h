// Tables of the store `registry/` and how their keys are encoded. Private to the room.
//
// Threads: everything here is pure.
#ifndef REGISTRY_TABLE_H
#define REGISTRY_TABLE_H

#include "account/account.h"
#include "base/slice.h"
#include "key/key.h"
#include "secret/secret.h"

enum table {
    TABLE_META,                // "format", "head", "default_tier", "live", "written", "check" + master id
    TABLE_ACCOUNT,             // account id -> AccountRecord
    TABLE_TIER,                // name -> TierRecord
    TABLE_SCOPE,               // name -> ScopeRecord
    TABLE_SCOPE_DEFAULT,       // names of the scopes that are marked as default -> nothing
    TABLE_KEY,                 // key id -> KeyRecord
    TABLE_KEY_BY_ACCOUNT,      // account id, NUL, key id -> nothing; deleted keys left out
    TABLE_KEY_BY_EXPIRY,       // expiry, key id -> nothing; deleted keys and those that never expire left out
    TABLE_KEY_COUNT,           // account id -> struct table_count, unless it is all zero
    TABLE_KEY_LIVE,            // account id, NUL, expiry, key id -> when it was made; revoked and deleted keys left out
    TABLE_IMPORT,              // keyed hash of an imported token's SHA-256 -> key id
    TABLE_CHANGE,              // sequence -> ChainRecord
    TABLE_CHANGE_BY_RECORD,    // kind of record, its id, NUL, inverted sequence (the newest first) -> nothing
    TABLE_CHANGE_BY_ACCOUNT,   // account id, NUL, sequence of a change of it or of its keys -> nothing
    TABLE_WRITTEN,             // account id -> bytes of the changes that its own keys have made, unless none
    TABLE_IDEMPOTENCY,         // keyed hash of caller and request_id -> IdempotencyRecord
    TABLE_IDEMPOTENCY_BY_TIME, // time, name in TABLE_IDEMPOTENCY -> keyed hash of the caller
    TABLE_IDEMPOTENCY_COUNT,   // keyed hash of the caller -> how many idempotency records it has
    TABLE_COUNT
};

extern const char *const table_names[TABLE_COUNT];

enum {
    TABLE_NUMBER_SIZE = 8,
    TABLE_IDEMPOTENCY_TIME_SIZE = TABLE_NUMBER_SIZE + SECRET_HASH_SIZE,
    TABLE_KEY_MAX = ACCOUNT_ID_MAX + 1 + TABLE_NUMBER_SIZE + KEY_ID_SIZE + 1
};

struct table_key {
    uint8_t bytes[TABLE_KEY_MAX];
    size_t size;
};

struct slice table_slice(const struct table_key *key);

// Keys of TABLE_META.
struct slice table_meta_format(void);
struct slice table_meta_head(void);
struct slice table_meta_default_tier(void);
struct slice table_meta_live(void);
struct slice table_meta_written(void);
struct table_key table_meta_check(uint32_t master_id);
// Parses the key of a check value in TABLE_META. False when it is another key.
bool table_meta_check_parse(struct slice key, uint32_t *master_id) __attribute__((warn_unused_result));

struct table_key table_change_key(uint64_t seq);
// The account's id has at most ACCOUNT_ID_MAX bytes. `id` NULL: before the account's first key.
struct table_key table_by_account_key(struct slice account, const uint8_t *id);
// Parses such a key; both parts point into it. False when it has another shape.
bool table_by_account_parse(struct slice key, struct slice *account, struct slice *id)
    __attribute__((warn_unused_result));
// An expiry of 0, never, comes last. `id` NULL: before the keys that expire then.
struct table_key table_live_key(struct slice account, uint64_t expires_at_ms, const uint8_t *id);
// Reads the expiry in such a key; of one that never expires it is UINT64_MAX.
bool table_live_expiry(struct slice key, uint64_t *expires_at_ms) __attribute__((warn_unused_result));
// `kind` is below 256, the id has at most ACCOUNT_ID_MAX bytes. `seq` UINT64_MAX: before the record's newest change.
struct table_key table_by_record_key(unsigned kind, struct slice id, uint64_t seq);
struct table_key table_by_account_change_key(struct slice account, uint64_t seq);
// Returns the prefix that all keys of that record or account share.
struct slice table_change_prefix(const struct table_key *key);
// Read the sequence in such a key. False when it has another shape.
bool table_by_record_seq(struct slice key, uint64_t *seq) __attribute__((warn_unused_result));
bool table_by_account_seq(struct slice key, uint64_t *seq) __attribute__((warn_unused_result));
struct table_key table_by_expiry_key(uint64_t expires_at_ms, const uint8_t id[KEY_ID_SIZE]);
// Parses such a key; `id` points into it. False when it has another shape.
bool table_by_expiry_parse(struct slice key, uint64_t *expires_at_ms, struct slice *id)
    __attribute__((warn_unused_result));
struct table_key table_idempotency_time_key(uint64_t time_ms, const uint8_t name[SECRET_HASH_SIZE]);
// Turns `key` into the first key behind it, because no key is a prefix of another one in its table.
void table_key_step(struct table_key *key);

// Numbers as values: 8 bytes, big-endian.
void table_number_write(uint64_t number, uint8_t out[TABLE_NUMBER_SIZE]);
// False when the value does not have 8 bytes.
bool table_number_read(struct slice value, uint64_t *out) __attribute__((warn_unused_result));

// How many entries an account has in TABLE_KEY_LIVE that expire after one moment and were made after another. The
// number follows each change of the index; the moments are moved on when somebody needs to know what lives now.
struct table_count {
    uint64_t count;
    uint64_t expires_after_ms;
    uint64_t made_after_ms;
};
enum { TABLE_COUNT_SIZE = 4 * TABLE_NUMBER_SIZE }; // and a check: nothing else would tell that a moment was damaged
// Does the entry belong to the count?
bool table_count_has(const struct table_count *count, uint64_t expires_at_ms, uint64_t made_ms);
// Older versions stored the number alone, of all entries. False when the value has another shape or is damaged.
bool table_count_read(struct slice value, struct table_count *out) __attribute__((warn_unused_result));
void table_count_write(const struct table_count *count, uint8_t out[TABLE_COUNT_SIZE]);

#endif
