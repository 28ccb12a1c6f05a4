// LMDB sorts the records of a table by the bytes of their keys. This file makes those keys, so that the order that a
// list needs is the order of the bytes: numbers are big-endian, a text that something follows ends with a NUL, and the
// newest change of a record comes first because its sequence is inverted.
#include "registry/table.h"

#include <assert.h>
#include <string.h>

enum { CHECK_PREFIX_SIZE = 5, MASTER_ID_SIZE = 4 };

static const char check_prefix[] = "check";

_Static_assert(TABLE_IDEMPOTENCY_TIME_SIZE <= TABLE_KEY_MAX, "the longest key fits");

const char *const table_names[TABLE_COUNT] = {
    [TABLE_META] = "meta",
    [TABLE_ACCOUNT] = "account",
    [TABLE_TIER] = "tier",
    [TABLE_SCOPE] = "scope",
    [TABLE_SCOPE_DEFAULT] = "scope_default",
    [TABLE_KEY] = "key",
    [TABLE_KEY_BY_ACCOUNT] = "key_by_account",
    [TABLE_KEY_BY_EXPIRY] = "key_by_expiry",
    [TABLE_KEY_COUNT] = "key_count",
    [TABLE_KEY_LIVE] = "key_live",
    [TABLE_IMPORT] = "import",
    [TABLE_CHANGE] = "change",
    [TABLE_CHANGE_BY_RECORD] = "change_by_record",
    [TABLE_CHANGE_BY_ACCOUNT] = "change_by_account",
    [TABLE_WRITTEN] = "written",
    [TABLE_IDEMPOTENCY] = "replay",
    [TABLE_IDEMPOTENCY_BY_TIME] = "replay_by_time",
    [TABLE_IDEMPOTENCY_COUNT] = "replay_count",
};

struct slice table_slice(const struct table_key *key)
{
    return slice_make(key->bytes, key->size);
}

static void append(struct table_key *key, const void *bytes, size_t size)
{
    assert(size <= sizeof key->bytes - key->size);
    if (size > 0)
        memcpy(key->bytes + key->size, bytes, size);
    key->size += size;
}

void table_number_write(uint64_t number, uint8_t out[TABLE_NUMBER_SIZE])
{
    for (size_t i = TABLE_NUMBER_SIZE; i > 0; i--) {
        out[i - 1] = (uint8_t)(number & 0xff);
        number >>= 8;
    }
}

bool table_number_read(struct slice value, uint64_t *out)
{
    *out = 0;
    if (value.size != TABLE_NUMBER_SIZE)
        return false;
    for (size_t i = 0; i < TABLE_NUMBER_SIZE; i++)
        *out = *out << 8 | value.data[i];
    return true;
}

bool table_count_has(const struct table_count *count, uint64_t expires_at_ms, uint64_t made_ms)
{
    return (expires_at_ms == 0 || expires_at_ms > count->expires_after_ms) && made_ms > count->made_after_ms;
}

static uint64_t check_of(const struct table_count *count)
{
    return ~(count->count ^ count->expires_after_ms ^ count->made_after_ms);
}

bool table_count_read(struct slice value, struct table_count *out)
{
    uint64_t check = 0, *members[] = {&out->count, &out->expires_after_ms, &out->made_after_ms, &check};
    *out = (struct table_count){.count = 0};
    if (value.size != TABLE_COUNT_SIZE)
        return table_number_read(value, &out->count);
    bool is_read = true;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        is_read &= table_number_read(slice_make(value.data + i * TABLE_NUMBER_SIZE, TABLE_NUMBER_SIZE), members[i]);
    return is_read && check == check_of(out);
}

void table_count_write(const struct table_count *count, uint8_t out[TABLE_COUNT_SIZE])
{
    const uint64_t members[] = {count->count, count->expires_after_ms, count->made_after_ms, check_of(count)};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        table_number_write(members[i], out + i * TABLE_NUMBER_SIZE);
}

struct slice table_meta_format(void)
{
    return slice_text("format");
}

struct slice table_meta_head(void)
{
    return slice_text("head");
}

struct slice table_meta_default_tier(void)
{
    return slice_text("default_tier");
}

struct slice table_meta_live(void)
{
    return slice_text("live");
}

struct slice table_meta_written(void)
{
    return slice_text("written");
}

struct table_key table_meta_check(uint32_t master_id)
{
    struct table_key key = {.size = 0};
    uint8_t number[TABLE_NUMBER_SIZE];
    table_number_write(master_id, number);
    append(&key, check_prefix, CHECK_PREFIX_SIZE);
    append(&key, number + TABLE_NUMBER_SIZE - MASTER_ID_SIZE, MASTER_ID_SIZE);
    return key;
}

bool table_meta_check_parse(struct slice key, uint32_t *master_id)
{
    *master_id = 0;
    if (key.size != CHECK_PREFIX_SIZE + MASTER_ID_SIZE || memcmp(key.data, check_prefix, CHECK_PREFIX_SIZE) != 0)
        return false;
    for (size_t i = CHECK_PREFIX_SIZE; i < key.size; i++)
        *master_id = *master_id << 8 | key.data[i];
    return true;
}

struct table_key table_change_key(uint64_t seq)
{
    struct table_key key = {.size = TABLE_NUMBER_SIZE};
    table_number_write(seq, key.bytes);
    return key;
}

struct table_key table_by_account_key(struct slice account, const uint8_t *id)
{
    assert(account.size <= ACCOUNT_ID_MAX);
    struct table_key key = {.size = 0};
    append(&key, account.data, account.size);
    append(&key, "", 1);
    if (id != NULL)
        append(&key, id, KEY_ID_SIZE);
    return key;
}

bool table_by_account_parse(struct slice key, struct slice *account, struct slice *id)
{
    *account = slice_empty();
    *id = slice_empty();
    if (key.size < 1 + 1 + KEY_ID_SIZE || key.size > ACCOUNT_ID_MAX + 1 + KEY_ID_SIZE)
        return false;
    size_t account_size = key.size - KEY_ID_SIZE - 1;
    if (memchr(key.data, '\0', account_size + 1) != key.data + account_size)
        return false;
    *account = slice_make(key.data, account_size);
    *id = slice_make(key.data + account_size + 1, KEY_ID_SIZE);
    return true;
}

static void append_number(struct table_key *key, uint64_t number)
{
    uint8_t bytes[TABLE_NUMBER_SIZE];
    table_number_write(number, bytes);
    append(key, bytes, sizeof bytes);
}

struct table_key table_live_key(struct slice account, uint64_t expires_at_ms, const uint8_t *id)
{
    struct table_key key = table_by_account_key(account, NULL);
    append_number(&key, expires_at_ms != 0 ? expires_at_ms : UINT64_MAX);
    if (id != NULL)
        append(&key, id, KEY_ID_SIZE);
    return key;
}

bool table_live_expiry(struct slice key, uint64_t *expires_at_ms)
{
    enum { END = TABLE_NUMBER_SIZE + KEY_ID_SIZE };
    if (key.size < END)
        return false;
    return table_number_read(slice_make(key.data + key.size - END, TABLE_NUMBER_SIZE), expires_at_ms);
}

struct table_key table_by_record_key(unsigned kind, struct slice id, uint64_t seq)
{
    assert(kind <= UINT8_MAX && id.size <= ACCOUNT_ID_MAX);
    struct table_key key = {.bytes = {(uint8_t)kind}, .size = 1};
    append(&key, id.data, id.size);
    append(&key, "", 1);
    append_number(&key, UINT64_MAX - seq);
    return key;
}

struct table_key table_by_account_change_key(struct slice account, uint64_t seq)
{
    assert(account.size <= ACCOUNT_ID_MAX);
    struct table_key key = {.size = 0};
    append(&key, account.data, account.size);
    append(&key, "", 1);
    append_number(&key, seq);
    return key;
}

struct slice table_change_prefix(const struct table_key *key)
{
    return slice_make(key->bytes, key->size - TABLE_NUMBER_SIZE);
}

// Does the key consist of some bytes, a NUL and a number?
static bool ends_with_number(struct slice key, uint64_t *number)
{
    *number = 0;
    if (key.size < 1 + 1 + TABLE_NUMBER_SIZE || key.size > 1 + ACCOUNT_ID_MAX + 1 + TABLE_NUMBER_SIZE ||
        key.data[key.size - TABLE_NUMBER_SIZE - 1] != '\0')
        return false;
    return table_number_read(slice_make(key.data + key.size - TABLE_NUMBER_SIZE, TABLE_NUMBER_SIZE), number);
}

bool table_by_record_seq(struct slice key, uint64_t *seq)
{
    bool valid = ends_with_number(key, seq);
    *seq = valid ? UINT64_MAX - *seq : 0;
    return valid;
}

bool table_by_account_seq(struct slice key, uint64_t *seq)
{
    return ends_with_number(key, seq);
}

struct table_key table_by_expiry_key(uint64_t expires_at_ms, const uint8_t id[KEY_ID_SIZE])
{
    struct table_key key = table_change_key(expires_at_ms);
    append(&key, id, KEY_ID_SIZE);
    return key;
}

bool table_by_expiry_parse(struct slice key, uint64_t *expires_at_ms, struct slice *id)
{
    *expires_at_ms = 0;
    *id = slice_empty();
    if (key.size != TABLE_NUMBER_SIZE + KEY_ID_SIZE)
        return false;
    *id = slice_make(key.data + TABLE_NUMBER_SIZE, KEY_ID_SIZE);
    return table_number_read(slice_make(key.data, TABLE_NUMBER_SIZE), expires_at_ms);
}

struct table_key table_idempotency_time_key(uint64_t time_ms, const uint8_t name[SECRET_HASH_SIZE])
{
    struct table_key key = table_change_key(time_ms);
    append(&key, name, SECRET_HASH_SIZE);
    return key;
}

void table_key_step(struct table_key *key)
{
    append(key, "", 1);
}
