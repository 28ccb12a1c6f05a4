// Meters of custom subjects: their bound, and each caller's share of it.
//
// The problem: a custom subject is any name that a caller makes up. A stranger who can choose such names could make the
// caller fill the disk. So these records are in a table of their own and are counted. At the bound a new name is
// refused, while known ones go on; and before that, a caller who has used up its share (share.c), so that nobody keeps
// out the others. sweep.c makes room again, and so does removal.c.
#include "meter/internal.h"
#include "meter/record.h"

#define COUNT_ARENA_BYTES ((size_t)64 * 1024)

enum { RETRY_MS = 5000 }; // the sweep has come by some times then

unsigned custom_table(struct slice name)
{
    return name.size > 0 && name.data[0] == LIMIT_OF_CUSTOM ? TABLE_CUSTOM : TABLE_METER;
}

// --- the bound

enum status custom_allow(const struct meter_cache *cache, struct slice name, struct status_failure *failure)
{
    if (custom_table(name) != TABLE_CUSTOM || cache->custom.max_meters > 0) {
        return STATUS_OK;
    }
    return status_fail(failure, STATUS_FAILED_PRECONDITION, "custom",
                       "this posternd counts no custom subjects: start it with --max-custom-meters above 0");
}

static enum status refuse_all(const struct custom *custom, struct meter_load *load)
{
    load->retry_after_ms = RETRY_MS;
    return status_fail(load->failure, STATUS_RESOURCE_EXHAUSTED, "custom.identifier",
                       "there is room for %llu meters of custom subjects, and none of them is forgotten before it has "
                       "recovered: retry later, or raise --max-custom-meters",
                       (unsigned long long)custom->max_meters);
}

static enum status refuse_share(struct meter_load *load, struct slice name, const struct share_use *use)
{
    struct slice space = share_namespace(name);
    load->retry_after_ms = RETRY_MS;
    load->status_reason = "SHARE_USED_UP";
    return status_fail(load->failure, STATUS_RESOURCE_EXHAUSTED, "custom.identifier",
                       "your share of custom subjects is used up by %llu meters, %llu of them in namespace %.*s; the "
                       "rest is kept for others: retry later; an operator can remove subjects or raise "
                       "--max-custom-meters",
                       (unsigned long long)use->count, (unsigned long long)use->space_count, SLICE_ARGS(space));
}

enum status custom_admit(struct meter_cache *cache, uint32_t maker, struct slice name, struct meter_load *load)
{
    struct custom *custom = &cache->custom;
    struct share_use use;
    uint64_t count = share_total(&custom->shares);
    if (count >= custom->max_meters)
        return refuse_all(custom, load);
    if (share_is_used_up(&custom->shares, maker, name, custom->max_meters - count, &use))
        return refuse_share(load, name, &use);
    share_promise(&custom->shares, maker, name);
    return STATUS_OK;
}

// --- counting

static enum status count_record(struct shares *shares, struct arena *arena, struct slice name, struct slice bytes)
{
    struct limit_record record;
    arena_reset(arena);
    enum status status = meter_record_unpack(bytes, NULL, arena, &record);
    if (status == STATUS_OK)
        share_count(shares, record.maker, name);
    return status == STATUS_DATA_LOSS ? STATUS_OK : status; // whoever needs the meter will hear of it
}

enum status custom_count(struct meter_cache *cache, struct store_txn *txn)
{
    struct store_cursor *cursor = NULL;
    struct slice name, bytes;
    uint64_t count = 0;
    struct arena *arena = arena_new(COUNT_ARENA_BYTES);
    enum status status = arena != NULL ? store_cursor_open(txn, TABLE_CUSTOM, &cursor) : STATUS_RESOURCE_EXHAUSTED;
    share_clear(&cache->custom.shares);
    cache->custom.counted_ms = clock_now_ms(cache->clock);
    if (status == STATUS_OK)
        status = store_count(txn, TABLE_CUSTOM, &count);
    if (status == STATUS_OK) {
        share_note_records(&cache->custom.shares, count);
        status = store_cursor_seek(cursor, slice_empty(), &name, &bytes);
    }
    while (status == STATUS_OK) {
        status = count_record(&cache->custom.shares, arena, name, bytes);
        if (status == STATUS_OK)
            status = store_cursor_next(cursor, &name, &bytes);
    }
    store_cursor_close(cursor);
    arena_free(arena);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    share_doubt(&cache->custom.shares);
    return status;
}

void custom_write(struct meter_cache *cache, struct store_txn *txn, struct slice name, uint32_t maker,
                  struct slice bytes)
{
    struct slice before;
    bool is_known = store_get(txn, TABLE_CUSTOM, name, &before) == STATUS_OK;
    if (bytes.size > 0)
        store_put(txn, TABLE_CUSTOM, name, bytes);
    else
        store_delete(txn, TABLE_CUSTOM, name);
    if (!is_known && bytes.size > 0)
        share_add(&cache->custom.shares, maker, name);
    if (is_known && bytes.size == 0)
        share_remove(&cache->custom.shares, maker, name);
}

void custom_init(struct meter_cache *cache, uint64_t max_meters)
{
    struct custom *custom = &cache->custom;
    custom->max_meters = max_meters;
    custom->start_ms = clock_now_ms(cache->clock);
    share_init(&custom->shares);
}

void custom_wipe(struct meter_cache *cache)
{
    share_wipe(&cache->custom.shares);
}
