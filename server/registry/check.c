// Compares the audit chain with the tables, both ways.
//
// Along the chain: every link follows the one before it, and what it was the last to change is still there, or gone if
// it removed it. Along the tables: every record is exactly what the link of its version says. Then all that is derived
// from chain and records. So each record must be the last one the chain has of it, without keeping anything in memory.
#include "registry/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CHECK_ARENA_BYTES = 16 * 1024 * 1024 };

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

enum status check_fail_record(struct check *check, enum image_kind kind, struct slice id, const char *what)
{
    char name[128];
    name_record(kind, id, name, sizeof name);
    return status_fail(check->note, STATUS_DATA_LOSS, NULL, "the record of %s %s: restore a backup", name, what);
}

enum status check_fail_table(struct check *check, const char *what)
{
    return status_fail(check->note, STATUS_DATA_LOSS, NULL, "%s: restore a backup", what);
}

// --- walking a table

enum status check_walk(struct check *check, enum table table, check_visit_fn *visit, void *context)
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

enum status check_count_one(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *count = context;
    (void)check;
    (void)key;
    (void)value;
    (*count)++;
    return STATUS_OK;
}

// --- along the chain

// The newest change of the record, as the index has it; 0: none.
static enum status find_newest(struct check *check, const struct image *image, uint64_t *seq)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct table_key from = table_by_record_key(image->kind, image_id(image), UINT64_MAX);
    *seq = 0;
    enum status status = store_cursor_open(check->view, TABLE_CHANGE_BY_RECORD, &cursor);
    if (status == STATUS_OK)
        status = store_cursor_seek(cursor, table_slice(&from), &key, &value);
    if (status == STATUS_OK && slice_starts_with(key, table_change_prefix(&from)) && !table_by_record_seq(key, seq))
        status = STATUS_DATA_LOSS;
    store_cursor_close(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// Is the record there, as the last change of it left it? Its content is looked at along the records.
static enum status check_left(struct check *check, const struct image *image, uint64_t seq)
{
    struct slice value;
    struct image stored;
    struct slice id = image_id(image);
    enum status status = store_get(check->view, image_table(image->kind), id, &value);
    if (status == STATUS_NOT_FOUND)
        return image->removed ? STATUS_OK : check_fail_record(check, image->kind, id, "is missing");
    if (status == STATUS_OK && image->removed)
        return check_fail_record(check, image->kind, id, "is there, although a change removed it");
    if (status == STATUS_OK)
        status = record_unpack_image(image->kind, value, check->arena, &stored);
    if (status == STATUS_DATA_LOSS)
        return check_fail_record(check, image->kind, id, "does not decode");
    if (status == STATUS_OK && image_version(&stored) < seq)
        return check_fail_record(check, image->kind, id, "is older than the audit chain says");
    return status;
}

static enum status check_image(struct check *check, const struct image *image, uint64_t seq)
{
    uint64_t newest = 0;
    struct slice value;
    struct slice account = image_account(image);
    struct table_key by_record = table_by_record_key(image->kind, image_id(image), seq);
    struct table_key by_account = table_by_account_change_key(account, seq);
    enum status status = find_newest(check, image, &newest);
    if (status == STATUS_OK && newest == seq)
        status = check_left(check, image, seq);
    if (status == STATUS_OK)
        status = store_get(check->view, TABLE_CHANGE_BY_RECORD, table_slice(&by_record), &value);
    if (status == STATUS_OK && account.size > 0)
        status = store_get(check->view, TABLE_CHANGE_BY_ACCOUNT, table_slice(&by_account), &value);
    if (status == STATUS_NOT_FOUND)
        return check_fail_record(check, image->kind, image_id(image), "is not in an index of changes");
    return status;
}

// The index has one entry for all images of an account.
static bool is_first_of_account(const struct change *change, size_t i)
{
    struct slice account = image_account(&change->images[i]);
    for (size_t j = 0; j < i; j++)
        if (slice_equal(image_account(&change->images[j]), account))
            return false;
    return account.size > 0;
}

static enum status check_images(struct check *check, const struct change *change)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < change->image_count && status == STATUS_OK; i++) {
        status = check_image(check, &change->images[i], change->seq);
        check->expected.images++;
        check->expected.accounts += is_first_of_account(change, i) ? 1 : 0;
    }
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
    if (status == STATUS_OK && change.replays_before_ms > change.time_ms)
        return fail_link(check, seq, "removed idempotency records that were not old");
    if (status == STATUS_OK && change.image_count + change.replays == 0)
        return fail_link(check, seq, "changed nothing");
    if (status == STATUS_OK)
        status = check_images(check, &change);
    memcpy(mac, link.mac, SECRET_HASH_SIZE);
    return status;
}

static enum status check_chain(struct check *check)
{
    uint64_t links = 0;
    uint8_t mac[SECRET_HASH_SIZE] = {0};
    enum status status = chain_read_head(check->view, &check->head);
    if (status == STATUS_DATA_LOSS)
        return check_fail_table(check, "the audit chain's head does not decode");
    for (uint64_t seq = 1; status == STATUS_OK && seq <= check->head.seq; seq++) {
        arena_reset(check->arena);
        status = check_link(check, seq, mac);
        check->entries += status == STATUS_OK ? 1 : 0;
    }
    if (status == STATUS_OK && !secret_equal(mac, check->head.mac))
        return check_fail_table(check, "the audit chain's head does not fit its last entry");
    if (status == STATUS_OK)
        status = check_walk(check, TABLE_CHANGE, check_count_one, &links);
    if (status == STATUS_OK && links != check->head.seq)
        return check_fail_table(check, "the audit chain goes on behind its head");
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
        return check_fail_record(check, stored->kind, id, "has a version that no change made");
    if (status != STATUS_OK)
        return status;
    const struct image *image = change_find(&change, stored->kind, id);
    if (image == NULL || image->removed)
        return check_fail_record(check, stored->kind, id, "is not what its change left behind");
    if (!record_pack_image(image, check->arena, &expected))
        return STATUS_RESOURCE_EXHAUSTED;
    return slice_equal(expected, value)
               ? STATUS_OK
               : check_fail_record(check, stored->kind, id, "is not what its change left behind");
}

// What the indexes must hold because of it.
static void expect_derived(struct check *check, const struct image *stored)
{
    switch (stored->kind) {
    case IMAGE_KEY:
        check->expected.keys += change_is_listed(&stored->of.key) ? 1 : 0;
        check->expected.expiries += change_listed_expiry(&stored->of.key) != 0 ? 1 : 0;
        check->expected.imports += stored->of.key.imported ? 1 : 0;
        break;
    case IMAGE_TIER:
        check->expected.default_tiers += stored->of.tier.is_default ? 1 : 0;
        break;
    case IMAGE_SCOPE:
        check->expected.default_scopes += stored->of.scope.is_default ? 1 : 0;
        break;
    case IMAGE_ACCOUNT:
        break;
    }
}

static enum status check_record(struct check *check, struct slice key, struct slice value, void *context)
{
    const enum image_kind *kind = context;
    struct image stored;
    enum status status = record_unpack_image(*kind, value, check->arena, &stored);
    if (status == STATUS_DATA_LOSS)
        return check_fail_record(check, *kind, key, "does not decode");
    if (status == STATUS_OK)
        status = check_origin(check, &stored, key, value);
    if (status == STATUS_OK)
        expect_derived(check, &stored);
    return status;
}

static enum status check_records(struct check *check)
{
    enum image_kind kinds[] = {IMAGE_ACCOUNT, IMAGE_TIER, IMAGE_SCOPE, IMAGE_KEY};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sizeof kinds / sizeof kinds[0]; i++)
        status = check_walk(check, image_table(kinds[i]), check_record, &kinds[i]);
    return status;
}

// --- all

static enum status check_all(struct check *check)
{
    enum status status = check_chain(check);
    if (status == STATUS_OK)
        status = check_records(check);
    if (status == STATUS_OK)
        status = check_indexes(check);
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
