// Compares the audit chain with the tables, in both directions. Along the chain (chain.c) every link must follow the
// one before it, and the record that it was the last to change must be there, or be gone if it removed it. Along the
// tables (here) every record must be exactly what the link of its version says. Then come the indexes (index.c). So
// each record must be the newest one that the chain has of it, and nothing needs to be held in memory.
#include "registry/fsck/fsck.h"

enum { FSCK_ARENA_BYTES = 16 * 1024 * 1024 };

// --- along the records

// Is `value` the record that the change of its version has left behind?
static enum status fsck_origin(struct fsck *fsck, const struct image *stored, struct slice id, struct slice value)
{
    struct chain_link link;
    struct change change;
    struct slice expected;
    enum status status = chain_read_link(fsck->view, image_version(stored), fsck->arena, &link);
    if (status == STATUS_OK)
        status = unpack_change(link.change, fsck->arena, &change);
    if (status == STATUS_NOT_FOUND)
        return fsck_fail_record(fsck, stored->kind, id, "has a version that no change made");
    if (status != STATUS_OK)
        return status;
    const struct image *image = change_find(&change, stored->kind, id);
    if (image == NULL || image->removed)
        return fsck_fail_record(fsck, stored->kind, id, "is not what its change left behind");
    if (!pack_image(image, fsck->arena, &expected))
        return STATUS_RESOURCE_EXHAUSTED;
    return slice_equal(expected, value)
               ? STATUS_OK
               : fsck_fail_record(fsck, stored->kind, id, "is not what its change left behind");
}

// Counts the entries that the indexes must have for this record.
static void expect_derived(struct fsck *fsck, const struct image *stored)
{
    switch (stored->kind) {
    case REGISTRY_KEY:
        fsck->expected.keys += change_is_listed(&stored->of.key) ? 1 : 0;
        fsck->expected.expiries += change_listed_expiry(&stored->of.key) != 0 ? 1 : 0;
        fsck->expected.live += change_is_counted(&stored->of.key) ? 1 : 0;
        fsck->expected.imports += stored->of.key.imported ? 1 : 0;
        break;
    case REGISTRY_TIER:
        fsck->expected.default_tiers += stored->of.tier.is_default ? 1 : 0;
        break;
    case REGISTRY_SCOPE:
        fsck->expected.default_scopes += stored->of.scope.is_default ? 1 : 0;
        break;
    case REGISTRY_ACCOUNT:
        break;
    }
}

static enum status fsck_record(struct fsck *fsck, struct slice key, struct slice value, void *context)
{
    const enum registry_record_kind *kind = context;
    struct image stored;
    enum status status = unpack_image(*kind, value, fsck->arena, &stored);
    if (status == STATUS_DATA_LOSS)
        return fsck_fail_record(fsck, *kind, key, "does not decode");
    if (status == STATUS_OK)
        status = fsck_origin(fsck, &stored, key, value);
    if (status == STATUS_OK)
        expect_derived(fsck, &stored);
    return status;
}

static enum status fsck_records(struct fsck *fsck)
{
    enum registry_record_kind kinds[] = {REGISTRY_ACCOUNT, REGISTRY_TIER, REGISTRY_SCOPE, REGISTRY_KEY};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sizeof kinds / sizeof kinds[0]; i++)
        status = fsck_walk(fsck, image_table(kinds[i]), fsck_record, &kinds[i]);
    return status;
}

// --- all

static enum status fsck_all(struct fsck *fsck)
{
    enum status status = fsck_chain(fsck);
    if (status == STATUS_OK)
        status = fsck_records(fsck);
    if (status == STATUS_OK)
        status = fsck_indexes(fsck);
    if (status == STATUS_OK)
        status = fsck_idempotency(fsck);
    return status;
}

enum status registry_fsck(struct registry *registry, uint64_t *entries, struct status_failure *failure)
{
    struct status_failure cause = {.message = ""};
    struct fsck fsck = {.registry = registry, .failure = &cause, .arena = arena_new(FSCK_ARENA_BYTES)};
    enum status status = fsck.arena != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_OK)
        status = registry_view_open(registry, &fsck.view);
    if (status == STATUS_OK) {
        status = store_view_begin(fsck.view);
        if (status == STATUS_OK) {
            status = fsck_all(&fsck);
            store_view_end(fsck.view);
        }
    }
    store_view_close(fsck.view);
    arena_free(fsck.arena);
    if (entries != NULL)
        *entries = fsck.entries;
    status = state_explain(status, &cause);
    if (status != STATUS_OK)
        return status_fail(failure, status, cause.field, "%s", cause.message);
    return STATUS_OK;
}
