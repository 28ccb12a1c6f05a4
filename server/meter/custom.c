// Meters of custom subjects: their bound, and the sweep that deletes the records of those at rest.
//
// The problem: a custom subject is any name that a caller makes up. A stranger who can choose such names could make the
// caller fill the disk. So these records are in a table of their own and are counted. At the bound a new name is
// refused, while known ones go on. And a sweep goes round through the table, some records a second, and deletes those
// that say no more than a missing record: their meter has recovered everything and is not in memory.
#include "meter/internal.h"
#include "meter/record.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_ARENA_BYTES ((size_t)1024 * 1024)

enum {
    SWEEP_RECORDS = 256, // records of one run: about a millisecond, and the commits of others wait for it
    SWEEP_RUNS_EAGER = 32
};

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

enum status custom_admit(struct meter_cache *cache, struct store_txn *view, struct status_failure *failure)
{
    uint64_t count = 0;
    enum status status = store_count(view, TABLE_CUSTOM, &count);
    atomic_store(&cache->custom.count, count);
    if (status != STATUS_OK || count < cache->custom.max_meters) {
        return status;
    }
    return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, "custom.identifier",
                       "%llu meters of custom subjects are kept, and none of them is forgotten before it has "
                       "recovered: retry later, or raise --max-custom-meters",
                       (unsigned long long)count);
}

// --- the sweep

static struct custom *sweep_owner(struct store_job *job)
{
    return CONTAINER_OF(job, struct custom, job);
}

static struct meter_cache *cache_of(struct custom *custom)
{
    return CONTAINER_OF(custom, struct meter_cache, custom);
}

static void copy_name(struct limit_name *to, struct slice name)
{
    to->size = name.size <= sizeof to->bytes ? name.size : 0;
    memcpy(to->bytes, name.data, to->size);
}

// A record may go when its meter has recovered everything that was ever spent. The record of a meter in memory stays.
// When a meter is just being loaded from the record, no harm is done: it has nothing set aside, so a later job than
// this one writes it before it spends; until then it knows as much as an empty one.
static bool is_forgettable(struct meter_cache *cache, struct slice name, struct slice bytes, uint64_t now_ms)
{
    struct limit_record record;
    arena_reset(cache->custom.arena);
    if (name.size < 2 || name.size < 2 + (size_t)name.data[1] ||
        meter_record_unpack(bytes, &cache->zones, cache->custom.arena, &record) != STATUS_OK)
        return false;
    struct slice owner = slice_make(name.data + 2, name.data[1]); // the owner of its calls
    return limit_record_at_rest(name, &record, cache->custom.start_ms, now_ms) &&
           !limit_is_resident(cache->limits, owner, name);
}

// Only collects, because nothing may be written to the table while a cursor is open on it.
static void look_at_some(struct meter_cache *cache, struct store_cursor *cursor)
{
    struct custom *custom = &cache->custom;
    struct slice name, bytes;
    uint64_t now_ms = clock_now_ms(cache->clock);
    enum status status = store_cursor_seek(cursor, slice_make(custom->next.bytes, custom->next.size), &name, &bytes);
    for (size_t i = 0; i < SWEEP_RECORDS && status == STATUS_OK; i++) {
        if (is_forgettable(cache, name, bytes, now_ms))
            copy_name(&custom->found[custom->found_count++], name);
        status = store_cursor_next(cursor, &name, &bytes);
    }
    custom->next.size = 0; // from the beginning again
    if (status == STATUS_OK)
        copy_name(&custom->next, name);
}

static void sweep_run(struct store_job *job, struct store_txn *txn)
{
    struct custom *custom = sweep_owner(job);
    struct store_cursor *cursor = NULL;
    uint64_t count = 0;
    custom->found_count = 0;
    if (store_count(txn, TABLE_CUSTOM, &count) != STATUS_OK || count == 0 ||
        store_cursor_open(txn, TABLE_CUSTOM, &cursor) != STATUS_OK)
        return;
    look_at_some(cache_of(custom), cursor);
    store_cursor_close(cursor);
    for (size_t i = 0; i < custom->found_count; i++)
        store_delete(txn, TABLE_CUSTOM, slice_make(custom->found[i].bytes, custom->found[i].size));
    atomic_store(&custom->count, count - custom->found_count);
}

// Goes on through the table while it is nearly full, but only so many times: others want the writer, too.
static void sweep_done(struct store_job *job, enum status status)
{
    struct custom *custom = sweep_owner(job);
    bool is_crowded = atomic_load(&custom->count) >= custom->max_meters - custom->max_meters / 8;
    pthread_mutex_lock(&custom->lock);
    bool goes_on = status == STATUS_OK && is_crowded && custom->runs_left > 1 && !custom->stopping;
    custom->runs_left -= goes_on;
    custom->queued = goes_on;
    if (!goes_on)
        pthread_cond_signal(&custom->idle);
    pthread_mutex_unlock(&custom->lock); // from here on it may be gone, unless it is queued
    if (goes_on)
        store_submit(cache_of(custom)->store, job);
}

void meter_sweep_custom(struct meter_cache *cache)
{
    struct custom *custom = &cache->custom;
    pthread_mutex_lock(&custom->lock);
    bool starts = custom->max_meters > 0 && !custom->queued && !custom->stopping;
    custom->queued = custom->queued || starts;
    custom->runs_left = SWEEP_RUNS_EAGER;
    pthread_mutex_unlock(&custom->lock);
    if (starts)
        store_submit(cache->store, &custom->job);
}

bool custom_init(struct meter_cache *cache, uint64_t max_meters)
{
    struct custom *custom = &cache->custom;
    custom->max_meters = max_meters;
    custom->start_ms = clock_now_ms(cache->clock);
    custom->job = (struct store_job){.run = sweep_run, .done = sweep_done};
    pthread_mutex_init(&custom->lock, NULL);
    pthread_cond_init(&custom->idle, NULL);
    custom->arena = arena_new(SWEEP_ARENA_BYTES);
    custom->found = calloc(SWEEP_RECORDS, sizeof *custom->found);
    return custom->arena != NULL && custom->found != NULL;
}

void custom_close(struct meter_cache *cache)
{
    struct custom *custom = &cache->custom;
    pthread_mutex_lock(&custom->lock);
    custom->stopping = true;
    while (custom->queued)
        pthread_cond_wait(&custom->idle, &custom->lock);
    pthread_mutex_unlock(&custom->lock);
    arena_free(custom->arena);
    free(custom->found);
    pthread_cond_destroy(&custom->idle);
    pthread_mutex_destroy(&custom->lock);
}
