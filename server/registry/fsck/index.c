// Compares the indexes with the records. Each entry of an index must name a record that belongs there, and there must
// be as many entries as the walks along chain and records have counted: then none is missing, and none is too many.
#include "registry/fsck/fsck.h"

#include <string.h>

// --- keys

struct group {
    uint8_t account[ACCOUNT_ID_MAX];
    size_t account_size;
    struct table_count stored; // of this account
    uint64_t counted;          // keys of this account that belong to it
    uint64_t entries;          // of the whole index
    uint64_t counts;           // accounts with such keys
};

static enum status read_count(struct fsck *fsck, struct slice account, struct table_count *out)
{
    struct slice value;
    *out = (struct table_count){.count = 0};
    enum status status = store_get(fsck->view, TABLE_KEY_COUNT, account, &value);
    if (status == STATUS_OK && !table_count_read(value, out))
        return fsck_fail_record(fsck, REGISTRY_ACCOUNT, account, "has a count of keys of another shape");
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status fsck_count_entry(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    uint64_t *counts = context;
    struct table_count count;
    struct registry_account owner;
    if (!table_count_read(value, &count) ||
        (count.count == 0 && count.expires_after_ms == 0 && count.made_after_ms == 0))
        return fsck_fail_record(fsck, REGISTRY_ACCOUNT, key, "has a count of keys of another shape");
    enum status status = registry_find_any_account(fsck->view, key, fsck->arena, &owner);
    if (status == STATUS_NOT_FOUND)
        return fsck_fail_record(fsck, REGISTRY_ACCOUNT, key, "is not there, but has a count of keys");
    *counts += count.count > 0 ? 1 : 0;
    return status;
}

static enum status end_group(struct fsck *fsck, struct group *group)
{
    if (group->entries > 0 && group->stored.count != group->counted)
        return fsck_fail_record(fsck, REGISTRY_ACCOUNT, slice_make(group->account, group->account_size),
                                "has keys whose count is wrong");
    group->counts += group->counted > 0 ? 1 : 0;
    return STATUS_OK;
}

static enum status begin_group(struct fsck *fsck, struct group *group, struct slice account)
{
    memcpy(group->account, account.data, account.size);
    group->account_size = account.size;
    group->counted = 0;
    return read_count(fsck, account, &group->stored);
}

static bool belongs(const struct table_count *count, const struct registry_key *key)
{
    return change_is_counted(key) && table_count_has(count, key->facts.expires_at_ms, key->facts.created_at_ms);
}

static enum status fsck_index_entry(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    struct group *group = context;
    struct registry_key record;
    struct slice account;
    struct slice id;
    if (!table_by_account_parse(key, &account, &id) || value.size != 0)
        return fsck_fail_table(fsck, "the index of keys by account has an entry of another shape");
    if (!slice_equal(account, slice_make(group->account, group->account_size))) {
        enum status status = end_group(fsck, group);
        if (status == STATUS_OK)
            status = begin_group(fsck, group, account);
        if (status != STATUS_OK)
            return status;
    }
    group->entries++;
    enum status status = registry_find_key(fsck->view, id.data, fsck->arena, &record);
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK && (!slice_equal(record.account, account) || !change_is_listed(&record))))
        return fsck_fail_record(fsck, REGISTRY_KEY, id, "is not the one that the index of keys by account names");
    group->counted += status == STATUS_OK && belongs(&group->stored, &record) ? 1 : 0;
    return status;
}

static enum status fsck_index(struct fsck *fsck)
{
    struct group group = {.entries = 0};
    uint64_t counts = 0;
    enum status status = fsck_walk(fsck, TABLE_KEY_BY_ACCOUNT, fsck_index_entry, &group);
    if (status == STATUS_OK)
        status = end_group(fsck, &group);
    if (status == STATUS_OK && group.entries != fsck->expected.keys)
        return fsck_fail_table(fsck, "the index of keys by account lacks keys");
    if (status == STATUS_OK)
        status = fsck_walk(fsck, TABLE_KEY_COUNT, fsck_count_entry, &counts);
    if (status == STATUS_OK && counts != group.counts)
        return fsck_fail_table(fsck, "the table of key counts has an account without keys");
    return status;
}

static enum status fsck_expiry_entry(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    uint64_t *entries = context;
    uint64_t expires_at_ms = 0;
    struct registry_key record;
    struct slice id;
    if (!table_by_expiry_parse(key, &expires_at_ms, &id) || value.size != 0)
        return fsck_fail_table(fsck, "the index of expiries has an entry of another shape");
    enum status status = registry_find_key(fsck->view, id.data, fsck->arena, &record);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && change_listed_expiry(&record) != expires_at_ms))
        return fsck_fail_record(fsck, REGISTRY_KEY, id, "does not expire when the index of expiries says");
    (*entries)++;
    return status;
}

static enum status fsck_live_entry(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    uint64_t *entries = context;
    uint64_t made_ms = 0;
    struct registry_key record;
    if (key.size < KEY_ID_SIZE || !table_number_read(value, &made_ms))
        return fsck_fail_table(fsck, "the index of live keys has an entry of another shape");
    struct slice id = slice_make(key.data + key.size - KEY_ID_SIZE, KEY_ID_SIZE);
    enum status status = registry_find_key(fsck->view, id.data, fsck->arena, &record);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    struct table_key wanted = {.size = 0};
    if (status == STATUS_OK && change_is_counted(&record) && record.facts.created_at_ms == made_ms)
        wanted = table_live_key(record.account, record.facts.expires_at_ms, record.id);
    if (!slice_equal(key, table_slice(&wanted)))
        return fsck_fail_record(fsck, REGISTRY_KEY, id, "is not the one that the index of live keys names");
    (*entries)++;
    return STATUS_OK;
}

static enum status fsck_import(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    uint64_t *entries = context;
    struct registry_key record;
    if (value.size != KEY_ID_SIZE)
        return fsck_fail_table(fsck, "the table of imported keys has an entry of another shape");
    enum status status = registry_find_key(fsck->view, value.data, fsck->arena, &record);
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK &&
         (!record.imported || !slice_equal(slice_make(record.token_hash, SECRET_HASH_SIZE), key))))
        return fsck_fail_record(fsck, REGISTRY_KEY, value, "is not the imported one that the table of them names");
    (*entries)++;
    return status;
}

// --- defaults

static enum status fsck_default_tier(struct fsck *fsck)
{
    struct slice name;
    struct registry_tier tier;
    enum status status = store_get(fsck->view, TABLE_META, table_meta_default_tier(), &name);
    bool named = status == STATUS_OK;
    arena_reset(fsck->arena);
    if (named)
        status = registry_find_tier(fsck->view, name, fsck->arena, &tier);
    if (named && (status == STATUS_NOT_FOUND || (status == STATUS_OK && !tier.is_default)))
        return fsck_fail_table(fsck, "the default tier is one that is not marked");
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (fsck->expected.default_tiers != (named ? 1 : 0))
        return fsck_fail_table(fsck, "a tier is marked as default, but is not used as such");
    return STATUS_OK;
}

static enum status fsck_default_scope(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    uint64_t *entries = context;
    struct registry_scope scope;
    enum status status = registry_find_scope(fsck->view, key, fsck->arena, &scope);
    if (value.size != 0 || status == STATUS_NOT_FOUND || (status == STATUS_OK && !scope.is_default))
        return fsck_fail_record(fsck, REGISTRY_SCOPE, key, "is not marked as default, but is used as such");
    (*entries)++;
    return status;
}

// --- idempotency records

static enum status fsck_idempotency_record(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    uint64_t *count = context;
    uint64_t time_ms = 0;
    struct slice stored;
    struct idempotency_record idempotency;
    struct slice caller = value;
    if (key.size != TABLE_IDEMPOTENCY_TIME_SIZE || caller.size != SECRET_HASH_SIZE ||
        !table_number_read(slice_make(key.data, TABLE_NUMBER_SIZE), &time_ms))
        return fsck_fail_table(fsck, "the index of idempotency records has an entry of another shape");
    struct slice name = slice_make(key.data + TABLE_NUMBER_SIZE, SECRET_HASH_SIZE);
    enum status status = store_get(fsck->view, TABLE_IDEMPOTENCY, name, &stored);
    if (status == STATUS_OK)
        status = unpack_idempotency(stored, fsck->arena, &idempotency);
    if (status == STATUS_NOT_FOUND || status == STATUS_DATA_LOSS ||
        (status == STATUS_OK && idempotency.time_ms != time_ms))
        return fsck_fail_table(fsck, "an idempotency record is missing or damaged");
    if (status == STATUS_OK)
        status = store_get(fsck->view, TABLE_IDEMPOTENCY_COUNT, caller, &stored);
    if (status == STATUS_NOT_FOUND)
        return fsck_fail_table(fsck, "the idempotency records of a caller are not counted");
    (*count)++;
    return status;
}

static enum status add_count(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    uint64_t *sum = context;
    uint64_t count = 0;
    (void)key;
    if (!table_number_read(value, &count))
        return fsck_fail_table(fsck, "the count of a caller's idempotency records does not decode");
    *sum += count;
    return STATUS_OK;
}

enum status fsck_idempotency(struct fsck *fsck)
{
    uint64_t indexed = 0;
    uint64_t stored = 0;
    uint64_t counted = 0;
    enum status status = fsck_walk(fsck, TABLE_IDEMPOTENCY_BY_TIME, fsck_idempotency_record, &indexed);
    if (status == STATUS_OK)
        status = fsck_walk(fsck, TABLE_IDEMPOTENCY, fsck_count_one, &stored);
    if (status == STATUS_OK)
        status = fsck_walk(fsck, TABLE_IDEMPOTENCY_COUNT, add_count, &counted);
    if (status == STATUS_OK && (stored != indexed || counted != indexed))
        return fsck_fail_table(fsck, "the idempotency records do not fit their index");
    return status;
}

// --- shares

struct writer {
    uint8_t id[ACCOUNT_ID_MAX];
    size_t id_size;
    uint64_t life;
    uint64_t written;
};

static enum status add_written(struct fsck *fsck, struct writer *writer, uint64_t seq)
{
    struct chain_link link;
    struct change change;
    arena_reset(fsck->arena);
    enum status status = chain_read_link(fsck->view, seq, fsck->arena, &link);
    if (status == STATUS_OK)
        status = unpack_change(link.change, fsck->arena, &change);
    if (status == STATUS_OK && slice_equal(change.on_behalf_of, slice_make(writer->id, writer->id_size)))
        writer->written += link.change.size;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status; // the walk along the chain says so
}

// Adds up the changes of this life of the account that its own keys have made.
static enum status sum_written(struct fsck *fsck, struct writer *writer)
{
    struct store_cursor *cursor = NULL;
    struct slice key, value;
    uint64_t seq = 0;
    struct table_key from = table_by_account_change_key(slice_make(writer->id, writer->id_size), writer->life);
    enum status status =
        store_cursor_open_at(fsck->view, TABLE_CHANGE_BY_ACCOUNT, table_slice(&from), &cursor, &key, &value);
    while (status == STATUS_OK && slice_starts_with(key, table_change_prefix(&from)) &&
           table_by_account_seq(key, &seq)) {
        status = add_written(fsck, writer, seq);
        if (status == STATUS_OK)
            status = store_cursor_next(cursor, &key, &value);
    }
    store_cursor_close(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status fsck_writer(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    uint64_t *writers = context, number = 0;
    struct registry_account account;
    struct writer writer = {.id_size = key.size};
    enum status status = registry_find_account(fsck->view, key, fsck->arena, &account);
    if (status != STATUS_OK || account_id_is_reserved(key))
        return status;
    memcpy(writer.id, key.data, key.size);
    writer.life = account.life;
    status = sum_written(fsck, &writer);
    if (status != STATUS_OK)
        return status;
    struct slice id = slice_make(writer.id, writer.id_size);
    status = store_get(fsck->view, TABLE_WRITTEN, id, &value);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    bool is_read = status == STATUS_NOT_FOUND || (table_number_read(value, &number) && number > 0);
    if (!is_read || number != writer.written)
        return fsck_fail_record(fsck, REGISTRY_ACCOUNT, id, "has keys that have written another number of bytes");
    *writers += number > 0 ? 1 : 0;
    return STATUS_OK;
}

static enum status fsck_written(struct fsck *fsck)
{
    uint64_t writers = 0, entries = 0;
    enum status status = fsck_walk(fsck, TABLE_ACCOUNT, fsck_writer, &writers);
    if (status == STATUS_OK)
        status = fsck_walk(fsck, TABLE_WRITTEN, fsck_count_one, &entries);
    if (status == STATUS_OK && entries != writers)
        return fsck_fail_table(fsck, "the table of what accounts have written has one that has not");
    return status;
}

// --- all

// Looks at each entry of these tables, of which there must be as many as were expected. Of the changes the walk along
// the chain has looked for each entry that must be there.
static enum status fsck_counted(struct fsck *fsck)
{
    const struct {
        enum table table;
        fsck_visit_fn *visit;
        uint64_t entries;
        const char *otherwise;
    } tables[] = {
        {TABLE_KEY_BY_EXPIRY, fsck_expiry_entry, fsck->expected.expiries, "the index of expiries lacks keys"},
        {TABLE_KEY_LIVE, fsck_live_entry, fsck->expected.live, "the index of live keys lacks keys"},
        {TABLE_IMPORT, fsck_import, fsck->expected.imports, "the table of imported keys lacks some"},
        {TABLE_SCOPE_DEFAULT, fsck_default_scope, fsck->expected.default_scopes,
         "a scope is marked as default, but is not used as such"},
        {TABLE_CHANGE_BY_RECORD, fsck_count_one, fsck->expected.images,
         "an index of the changes holds something that no change made"},
        {TABLE_CHANGE_BY_ACCOUNT, fsck_count_one, fsck->expected.accounts,
         "an index of the changes holds something that no change made"},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && status == STATUS_OK; i++) {
        uint64_t entries = 0;
        status = fsck_walk(fsck, tables[i].table, tables[i].visit, &entries);
        if (status == STATUS_OK && entries != tables[i].entries)
            status = fsck_fail_table(fsck, tables[i].otherwise);
    }
    return status;
}

enum status fsck_indexes(struct fsck *fsck)
{
    enum status status = fsck_index(fsck);
    if (status == STATUS_OK)
        status = fsck_default_tier(fsck);
    if (status == STATUS_OK)
        status = fsck_written(fsck);
    return status == STATUS_OK ? fsck_counted(fsck) : status;
}
