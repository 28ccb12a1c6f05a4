// Compares the audit chain with the tables, both ways.
//
// Along the chain: every link follows the one before it, and what it changed is still there and no older. Along the
// tables: every record is exactly what the link of its version says. Then all that is derived from the records. So each
// record must be the last one the chain has of it, without keeping anything in memory.
#include "registry/chain.h"
#include "registry/state.h"
#include "registry/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CHECK_ARENA_BYTES = 8 * 1024 * 1024 };

struct check {
    struct registry *registry;
    struct store_txn *view;
    struct arena *arena; // reset for every entry
    struct record_head head;
    struct status_note *note;
    uint64_t entries;  // links that were checked
    uint64_t keys;     // in the index of keys by account
    uint64_t expiries; // in the index of expiries
};

// "key key_0000…", "account acme": what to call a record of a table in a note.
static void name_record(enum image_kind kind, struct slice id, char *out, size_t size)
{
    static const char *const words[] = {
        [IMAGE_KEY] = "key", [IMAGE_ACCOUNT] = "account", [IMAGE_TIER] = "tier", [IMAGE_SCOPE] = "scope"};
    char text[KEY_ID_TEXT_SIZE + 1];
    if (kind == IMAGE_KEY && id.size == KEY_ID_SIZE) {
        key_id_format(id.data, text);
        id = slice_text(text);
    }
    int written = snprintf(out, size, "%s %.*s", words[kind], SLICE_ARGS(id));
    if (written < 0)
        out[0] = '\0';
}

static enum status fail_record(struct check *check, enum image_kind kind, struct slice id, const char *what)
{
    char name[128];
    name_record(kind, id, name, sizeof name);
    return status_fail(check->note, STATUS_DATA_LOSS, NULL, "the record of %s %s: restore a backup", name, what);
}

static enum status fail_table(struct check *check, const char *what)
{
    return status_fail(check->note, STATUS_DATA_LOSS, NULL, "%s: restore a backup", what);
}

// --- walking a table

typedef enum status visit_fn(struct check *check, struct slice key, struct slice value, void *context);

static enum status walk(struct check *check, enum table table, visit_fn *visit, void *context)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    enum status status = store_cursor_open(check->view, table, &cursor);
    if (status == STATUS_OK)
        status = store_cursor_seek(cursor, slice_empty(), &key, &value);
    while (status == STATUS_OK) {
        arena_reset(check->arena);
        status = visit(check, key, value, context);
        if (status != STATUS_OK)
            break;
        status = store_cursor_next(cursor, &key, &value);
        if (status == STATUS_NOT_FOUND) {
            store_cursor_close(cursor);
            return STATUS_OK;
        }
    }
    store_cursor_close(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status count_one(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *count = context;
    (void)check;
    (void)key;
    (void)value;
    (*count)++;
    return STATUS_OK;
}

// --- along the chain

static enum status check_survived(struct check *check, const struct image *image, uint64_t seq)
{
    struct slice value;
    struct image stored;
    struct slice id = image_id(image);
    enum status status = store_get(check->view, image_table(image->kind), id, &value);
    if (status == STATUS_NOT_FOUND)
        return fail_record(check, image->kind, id, "is missing");
    if (status == STATUS_OK)
        status = record_unpack_image(image->kind, value, check->arena, &stored);
    if (status == STATUS_DATA_LOSS)
        return fail_record(check, image->kind, id, "does not decode");
    if (status == STATUS_OK && image_version(&stored) < seq)
        return fail_record(check, image->kind, id, "is older than the audit chain says");
    return status;
}

static enum status fail_link(struct check *check, uint64_t seq, const char *what)
{
    return status_fail(check->note, STATUS_DATA_LOSS, NULL,
                       "change %" PRIu64 " of the audit chain %s: restore a backup", seq, what);
}

static enum status check_link(struct check *check, uint64_t seq, uint8_t mac[SECRET_HASH_SIZE])
{
    struct record_link link;
    struct change change;
    enum status status = chain_read_link(check->view, seq, check->arena, &link);
    if (status == STATUS_NOT_FOUND)
        return fail_link(check, seq, "is missing");
    if (status == STATUS_DATA_LOSS)
        return fail_link(check, seq, "does not decode");
    if (status != STATUS_OK)
        return status;
    if (chain_check_link(check->registry->secret, mac, &link) != STATUS_OK)
        return fail_link(check, seq, "was altered, or its master secret is gone");
    status = record_unpack_change(link.change, check->arena, &change);
    if (status == STATUS_DATA_LOSS || (status == STATUS_OK && change.seq != seq))
        return fail_link(check, seq, "holds something else");
    for (size_t i = 0; status == STATUS_OK && i < change.image_count; i++)
        status = check_survived(check, &change.images[i], seq);
    memcpy(mac, link.mac, SECRET_HASH_SIZE);
    return status;
}

static enum status check_chain(struct check *check)
{
    uint64_t links = 0;
    uint8_t mac[SECRET_HASH_SIZE] = {0};
    enum status status = chain_read_head(check->view, &check->head);
    if (status == STATUS_DATA_LOSS)
        return fail_table(check, "the audit chain's head does not decode");
    for (uint64_t seq = 1; status == STATUS_OK && seq <= check->head.seq; seq++) {
        arena_reset(check->arena);
        status = check_link(check, seq, mac);
        check->entries += status == STATUS_OK ? 1 : 0;
    }
    if (status == STATUS_OK && !secret_equal(mac, check->head.mac))
        return fail_table(check, "the audit chain's head does not fit its last entry");
    if (status == STATUS_OK)
        status = walk(check, TABLE_CHANGE, count_one, &links);
    if (status == STATUS_OK && links != check->head.seq)
        return fail_table(check, "the audit chain goes on behind its head");
    return status;
}

// --- along the records

// Is `value` what the change of the record's version left behind?
static enum status check_origin(struct check *check, const struct image *stored, struct slice id, struct slice value)
{
    struct record_link link;
    struct change change;
    struct slice expected;
    enum status status = chain_read_link(check->view, image_version(stored), check->arena, &link);
    if (status == STATUS_OK)
        status = record_unpack_change(link.change, check->arena, &change);
    if (status == STATUS_NOT_FOUND)
        return fail_record(check, stored->kind, id, "has a version that no change made");
    for (size_t i = 0; status == STATUS_OK && i < change.image_count; i++) {
        const struct image *image = &change.images[i];
        if (image->kind != stored->kind || !slice_equal(image_id(image), id))
            continue;
        if (!record_pack_image(image, check->arena, &expected))
            return STATUS_RESOURCE_EXHAUSTED;
        if (slice_equal(expected, value))
            return STATUS_OK;
    }
    return status == STATUS_OK ? fail_record(check, stored->kind, id, "is not what its change left behind") : status;
}

static enum status check_record(struct check *check, struct slice key, struct slice value, void *context)
{
    const enum image_kind *kind = context;
    struct image stored;
    enum status status = record_unpack_image(*kind, value, check->arena, &stored);
    if (status == STATUS_DATA_LOSS)
        return fail_record(check, *kind, key, "does not decode");
    if (status == STATUS_OK)
        status = check_origin(check, &stored, key, value);
    check->keys += status == STATUS_OK && *kind == IMAGE_KEY && change_is_listed(&stored.of.key) ? 1 : 0;
    check->expiries += status == STATUS_OK && *kind == IMAGE_KEY && change_listed_expiry(&stored.of.key) != 0 ? 1 : 0;
    return status;
}

static enum status check_records(struct check *check)
{
    enum image_kind kinds[] = {IMAGE_ACCOUNT, IMAGE_TIER, IMAGE_KEY};
    uint64_t scopes = 0;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sizeof kinds / sizeof kinds[0]; i++)
        status = walk(check, image_table(kinds[i]), check_record, &kinds[i]);
    if (status == STATUS_OK)
        status = walk(check, TABLE_SCOPE, count_one, &scopes);
    if (status == STATUS_OK && scopes != 0)
        return fail_table(check, "the table of scopes holds something that no change made");
    return status;
}

// --- indexes and counts

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
        return fail_record(check, IMAGE_ACCOUNT, account, "has keys whose count is wrong");
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
        return fail_table(check, "the index of keys by account has an entry of another shape");
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
        return fail_record(check, IMAGE_KEY, id, "is not the one that the index of keys by account names");
    group->counted += status == STATUS_OK && change_counts(&record) ? 1 : 0;
    return status;
}

static enum status check_index(struct check *check)
{
    struct group group = {.entries = 0};
    uint64_t counts = 0;
    enum status status = walk(check, TABLE_KEY_BY_ACCOUNT, check_index_entry, &group);
    if (status == STATUS_OK)
        status = end_group(check, &group);
    if (status == STATUS_OK && group.entries != check->keys)
        return fail_table(check, "the index of keys by account lacks keys");
    if (status == STATUS_OK)
        status = walk(check, TABLE_KEY_COUNT, count_one, &counts);
    if (status == STATUS_OK && counts != group.counts)
        return fail_table(check, "the table of key counts has an account without keys");
    return status;
}

static enum status check_expiry_entry(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *entries = context;
    uint64_t expires_at_ms = 0;
    struct registry_key record;
    struct slice id;
    if (!table_by_expiry_parse(key, &expires_at_ms, &id) || value.size != 0)
        return fail_table(check, "the index of expiries has an entry of another shape");
    enum status status = registry_find_key(check->view, id.data, check->arena, &record);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && change_listed_expiry(&record) != expires_at_ms))
        return fail_record(check, IMAGE_KEY, id, "does not expire when the index of expiries says");
    (*entries)++;
    return status;
}

static enum status check_expiries(struct check *check)
{
    uint64_t entries = 0;
    enum status status = walk(check, TABLE_KEY_BY_EXPIRY, check_expiry_entry, &entries);
    if (status == STATUS_OK && entries != check->expiries)
        return fail_table(check, "the index of expiries lacks keys");
    return status;
}

// --- default tier

static enum status check_tier_mark(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *marked = context;
    struct registry_tier tier;
    struct slice name;
    enum status status = record_unpack_tier(value, check->arena, &tier);
    if (status != STATUS_OK || !tier.is_default)
        return status;
    (*marked)++;
    status = store_get(check->view, TABLE_META, table_meta_default_tier(), &name);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && !slice_equal(name, key)))
        return fail_record(check, IMAGE_TIER, key, "is marked as default, but is not used as such");
    return status;
}

static enum status check_default_tier(struct check *check)
{
    struct slice name;
    uint64_t marked = 0;
    enum status status = walk(check, TABLE_TIER, check_tier_mark, &marked);
    if (status != STATUS_OK)
        return status;
    status = store_get(check->view, TABLE_META, table_meta_default_tier(), &name);
    if (status == STATUS_OK && marked == 0)
        return fail_table(check, "the default tier is one that is not marked");
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// --- idempotency records

static enum status check_replay(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *count = context;
    uint64_t time_ms = 0;
    struct slice stored;
    struct record_replay replay;
    struct slice caller = value;
    if (key.size != TABLE_REPLAY_TIME_SIZE || caller.size != SECRET_HASH_SIZE ||
        !table_number_read(slice_make(key.data, TABLE_NUMBER_SIZE), &time_ms))
        return fail_table(check, "the index of idempotency records has an entry of another shape");
    struct slice name = slice_make(key.data + TABLE_NUMBER_SIZE, SECRET_HASH_SIZE);
    enum status status = store_get(check->view, TABLE_REPLAY, name, &stored);
    if (status == STATUS_OK)
        status = record_unpack_replay(stored, check->arena, &replay);
    if (status == STATUS_NOT_FOUND || status == STATUS_DATA_LOSS || (status == STATUS_OK && replay.time_ms != time_ms))
        return fail_table(check, "an idempotency record is missing or damaged");
    if (status == STATUS_OK)
        status = store_get(check->view, TABLE_REPLAY_COUNT, caller, &stored);
    if (status == STATUS_NOT_FOUND)
        return fail_table(check, "the idempotency records of a caller are not counted");
    (*count)++;
    return status;
}

static enum status add_count(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *sum = context;
    uint64_t count = 0;
    (void)key;
    if (!table_number_read(value, &count))
        return fail_table(check, "the count of a caller's idempotency records does not decode");
    *sum += count;
    return STATUS_OK;
}

static enum status check_replays(struct check *check)
{
    uint64_t indexed = 0;
    uint64_t stored = 0;
    uint64_t counted = 0;
    enum status status = walk(check, TABLE_REPLAY_BY_TIME, check_replay, &indexed);
    if (status == STATUS_OK)
        status = walk(check, TABLE_REPLAY, count_one, &stored);
    if (status == STATUS_OK)
        status = walk(check, TABLE_REPLAY_COUNT, add_count, &counted);
    if (status == STATUS_OK && (stored != indexed || counted != indexed))
        return fail_table(check, "the idempotency records do not fit their index");
    return status;
}

static enum status check_all(struct check *check)
{
    enum status status = check_chain(check);
    if (status == STATUS_OK)
        status = check_records(check);
    if (status == STATUS_OK)
        status = check_index(check);
    if (status == STATUS_OK)
        status = check_expiries(check);
    if (status == STATUS_OK)
        status = check_default_tier(check);
    if (status == STATUS_OK)
        status = check_replays(check);
    return status;
}

enum status registry_check(struct registry *registry, uint64_t *entries, struct status_note *note)
{
    struct status_note cause = {.message = ""};
    struct check check = {.registry = registry, .note = &cause, .arena = arena_new(CHECK_ARENA_BYTES)};
    enum status status = check.arena != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_OK)
        status = registry_view_open(registry, &check.view);
    if (status == STATUS_OK) {
        status = store_view_begin(check.view);
        if (status == STATUS_OK) {
            status = check_all(&check);
            store_view_end(check.view);
        }
    }
    store_view_close(check.view);
    arena_free(check.arena);
    if (entries != NULL)
        *entries = check.entries;
    status = state_explain(status, &cause);
    if (status != STATUS_OK)
        return status_fail(note, status, cause.field, "%s", cause.message);
    return STATUS_OK;
}
