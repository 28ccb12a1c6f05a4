// Whether what is derived from chain and records fits them: each entry names one of them, and there are as many as
// there must be.
#include "registry/fsck/fsck.h"

#include <string.h>

// --- keys

struct group {
    uint8_t account[ACCOUNT_ID_MAX];
    size_t account_size;
    uint64_t counted; // keys of this account that are not revoked
    uint64_t entries; // of the whole index
    uint64_t counts;  // accounts with such keys
};

static enum status end_group(struct check *check, struct group *group)
{
    struct slice value;
    uint64_t count = 0;
    struct slice account = slice_make(group->account, group->account_size);
    if (group->entries == 0)
        return STATUS_OK;
    enum status status = store_get(check->view, TABLE_KEY_COUNT, account, &value);
    if (status == STATUS_UNAVAILABLE)
        return status;
    bool is_read = status == STATUS_NOT_FOUND || (status == STATUS_OK && table_number_read(value, &count) && count > 0);
    if (!is_read || count != group->counted)
        return check_fail_record(check, IMAGE_ACCOUNT, account, "has keys whose count is wrong");
    group->counts += count > 0 ? 1 : 0;
    return STATUS_OK;
}

static enum status check_index_entry(struct check *check, struct slice key, struct slice value, void *context)
{
    struct group *group = context;
    struct registry_key record;
    struct slice account;
    struct slice id;
    if (!table_by_account_parse(key, &account, &id) || value.size != 0)
        return check_fail_table(check, "the index of keys by account has an entry of another shape");
    if (!slice_equal(account, slice_make(group->account, group->account_size))) {
        enum status status = end_group(check, group);
        if (status != STATUS_OK)
            return status;
        memcpy(group->account, account.data, account.size);
        group->account_size = account.size;
        group->counted = 0;
    }
    group->entries++;
    enum status status = registry_find_key(check->view, id.data, check->arena, &record);
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK && (!slice_equal(record.account, account) || !change_is_listed(&record))))
        return check_fail_record(check, IMAGE_KEY, id, "is not the one that the index of keys by account names");
    group->counted += status == STATUS_OK && change_counts(&record) ? 1 : 0;
    return status;
}

static enum status check_index(struct check *check)
{
    struct group group = {.entries = 0};
    uint64_t counts = 0;
    enum status status = check_walk(check, TABLE_KEY_BY_ACCOUNT, check_index_entry, &group);
    if (status == STATUS_OK)
        status = end_group(check, &group);
    if (status == STATUS_OK && group.entries != check->expected.keys)
        return check_fail_table(check, "the index of keys by account lacks keys");
    if (status == STATUS_OK)
        status = check_walk(check, TABLE_KEY_COUNT, check_count_one, &counts);
    if (status == STATUS_OK && counts != group.counts)
        return check_fail_table(check, "the table of key counts has an account without keys");
    return status;
}

static enum status check_expiry_entry(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *entries = context;
    uint64_t expires_at_ms = 0;
    struct registry_key record;
    struct slice id;
    if (!table_by_expiry_parse(key, &expires_at_ms, &id) || value.size != 0)
        return check_fail_table(check, "the index of expiries has an entry of another shape");
    enum status status = registry_find_key(check->view, id.data, check->arena, &record);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && change_listed_expiry(&record) != expires_at_ms))
        return check_fail_record(check, IMAGE_KEY, id, "does not expire when the index of expiries says");
    (*entries)++;
    return status;
}

static enum status check_expiries(struct check *check)
{
    uint64_t entries = 0;
    enum status status = check_walk(check, TABLE_KEY_BY_EXPIRY, check_expiry_entry, &entries);
    if (status == STATUS_OK && entries != check->expected.expiries)
        return check_fail_table(check, "the index of expiries lacks keys");
    return status;
}

static enum status check_import(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *entries = context;
    struct registry_key record;
    if (value.size != KEY_ID_SIZE)
        return check_fail_table(check, "the table of imported keys has an entry of another shape");
    enum status status = registry_find_key(check->view, value.data, check->arena, &record);
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK &&
         (!record.imported || !slice_equal(slice_make(record.token_hash, SECRET_HASH_SIZE), key))))
        return check_fail_record(check, IMAGE_KEY, value, "is not the imported one that the table of them names");
    (*entries)++;
    return status;
}

static enum status check_imports(struct check *check)
{
    uint64_t entries = 0;
    enum status status = check_walk(check, TABLE_IMPORT, check_import, &entries);
    if (status == STATUS_OK && entries != check->expected.imports)
        return check_fail_table(check, "the table of imported keys lacks some");
    return status;
}

// --- defaults

static enum status check_default_tier(struct check *check)
{
    struct slice name;
    struct registry_tier tier;
    enum status status = store_get(check->view, TABLE_META, table_meta_default_tier(), &name);
    bool named = status == STATUS_OK;
    arena_reset(check->arena);
    if (named)
        status = registry_find_tier(check->view, name, check->arena, &tier);
    if (named && (status == STATUS_NOT_FOUND || (status == STATUS_OK && !tier.is_default)))
        return check_fail_table(check, "the default tier is one that is not marked");
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (check->expected.default_tiers != (named ? 1 : 0))
        return check_fail_table(check, "a tier is marked as default, but is not used as such");
    return STATUS_OK;
}

static enum status check_default_scope(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *entries = context;
    struct registry_scope scope;
    enum status status = registry_find_scope(check->view, key, check->arena, &scope);
    if (value.size != 0 || status == STATUS_NOT_FOUND || (status == STATUS_OK && !scope.is_default))
        return check_fail_record(check, IMAGE_SCOPE, key, "is not marked as default, but is used as such");
    (*entries)++;
    return status;
}

static enum status check_default_scopes(struct check *check)
{
    uint64_t entries = 0;
    enum status status = check_walk(check, TABLE_SCOPE_DEFAULT, check_default_scope, &entries);
    if (status == STATUS_OK && entries != check->expected.default_scopes)
        return check_fail_table(check, "a scope is marked as default, but is not used as such");
    return status;
}

// --- changes. What must be there was looked for along the chain.

static enum status check_change_index(struct check *check, enum table table, uint64_t expected)
{
    uint64_t entries = 0;
    enum status status = check_walk(check, table, check_count_one, &entries);
    if (status == STATUS_OK && entries != expected)
        return check_fail_table(check, "an index of the changes holds something that no change made");
    return status;
}

// --- idempotency records

static enum status check_replay(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *count = context;
    uint64_t time_ms = 0;
    struct slice stored;
    struct idempotency_record replay;
    struct slice caller = value;
    if (key.size != TABLE_REPLAY_TIME_SIZE || caller.size != SECRET_HASH_SIZE ||
        !table_number_read(slice_make(key.data, TABLE_NUMBER_SIZE), &time_ms))
        return check_fail_table(check, "the index of idempotency records has an entry of another shape");
    struct slice name = slice_make(key.data + TABLE_NUMBER_SIZE, SECRET_HASH_SIZE);
    enum status status = store_get(check->view, TABLE_REPLAY, name, &stored);
    if (status == STATUS_OK)
        status = unpack_replay(stored, check->arena, &replay);
    if (status == STATUS_NOT_FOUND || status == STATUS_DATA_LOSS || (status == STATUS_OK && replay.time_ms != time_ms))
        return check_fail_table(check, "an idempotency record is missing or damaged");
    if (status == STATUS_OK)
        status = store_get(check->view, TABLE_REPLAY_COUNT, caller, &stored);
    if (status == STATUS_NOT_FOUND)
        return check_fail_table(check, "the idempotency records of a caller are not counted");
    (*count)++;
    return status;
}

static enum status add_count(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *sum = context;
    uint64_t count = 0;
    (void)key;
    if (!table_number_read(value, &count))
        return check_fail_table(check, "the count of a caller's idempotency records does not decode");
    *sum += count;
    return STATUS_OK;
}

enum status check_replays(struct check *check)
{
    uint64_t indexed = 0;
    uint64_t stored = 0;
    uint64_t counted = 0;
    enum status status = check_walk(check, TABLE_REPLAY_BY_TIME, check_replay, &indexed);
    if (status == STATUS_OK)
        status = check_walk(check, TABLE_REPLAY, check_count_one, &stored);
    if (status == STATUS_OK)
        status = check_walk(check, TABLE_REPLAY_COUNT, add_count, &counted);
    if (status == STATUS_OK && (stored != indexed || counted != indexed))
        return check_fail_table(check, "the idempotency records do not fit their index");
    return status;
}

// --- all

enum status check_indexes(struct check *check)
{
    enum status status = check_index(check);
    if (status == STATUS_OK)
        status = check_expiries(check);
    if (status == STATUS_OK)
        status = check_imports(check);
    if (status == STATUS_OK)
        status = check_default_tier(check);
    if (status == STATUS_OK)
        status = check_default_scopes(check);
    if (status == STATUS_OK)
        status = check_change_index(check, TABLE_CHANGE_BY_RECORD, check->expected.images);
    if (status == STATUS_OK)
        status = check_change_index(check, TABLE_CHANGE_BY_ACCOUNT, check->expected.accounts);
    return status;
}
