// What the three walks share: they visit every entry of a table with an arena of its own, and they say which record or
// table is wrong in the same words.
#include "registry/fsck/fsck.h"

#include <stdio.h>

// "key key_0000…", "account acme": what to call a record of a table in a message.
static void name_record(enum registry_record_kind kind, struct slice id, char *out, size_t size)
{
    static const char *const words[] = {
        [REGISTRY_KEY] = "key", [REGISTRY_ACCOUNT] = "account", [REGISTRY_TIER] = "tier", [REGISTRY_SCOPE] = "scope"};
    char text[KEY_ID_TEXT_SIZE + 1];
    if (kind == REGISTRY_KEY && id.size == KEY_ID_SIZE) {
        key_id_format(id.data, text);
        id = slice_text(text);
    }
    int written = snprintf(out, size, "%s %.*s", words[kind], SLICE_ARGS(id));
    if (written < 0)
        out[0] = '\0';
}

enum status fsck_fail_record(struct fsck *fsck, enum registry_record_kind kind, struct slice id, const char *what)
{
    char name[128];
    name_record(kind, id, name, sizeof name);
    return status_fail(fsck->failure, STATUS_DATA_LOSS, NULL, "the record of %s %s: restore a backup", name, what);
}

enum status fsck_fail_table(struct fsck *fsck, const char *what)
{
    return status_fail(fsck->failure, STATUS_DATA_LOSS, NULL, "%s: restore a backup", what);
}

// --- walking a table

enum status fsck_walk(struct fsck *fsck, enum table table, fsck_visit_fn *visit, void *context)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    enum status status = store_cursor_open_at(fsck->view, table, slice_empty(), &cursor, &key, &value);
    while (status == STATUS_OK) {
        arena_reset(fsck->arena);
        status = visit(fsck, key, value, context);
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

enum status fsck_count_one(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    uint64_t *count = context;
    (void)fsck;
    (void)key;
    (void)value;
    (*count)++;
    return STATUS_OK;
}
