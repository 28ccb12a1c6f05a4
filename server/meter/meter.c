// Opens and closes the cache, and does what the scheduler asks for.
//
// The problem that this room solves: a decision must not wait for the disk, and yet no crash may let more than a limit
// through. limit/ solves it for memory: it spends only units that disk has set aside, and says which meters have to be
// written. This room does the rest. write_behind.c carries what limit/ wants written to the store's writer, one job at
// a time, and tells limit/ when the commit has landed. decide.c brings meters that a call needs and that are not in
// memory from the store. fence.c keeps the clock's mark, without which a window could open again after a crash.
// custom.c bounds the records of custom subjects, which anybody can make up, share.c counts who made them, sweep.c and
// removal.c delete them. clock_reset.c takes the daemon's time back, offline. record.c packs what is stored.
#include "meter/internal.h"

#include <stdlib.h>

const char *const meter_tables[] = {[TABLE_METER] = "meter", [TABLE_CLOCK] = "clock", [TABLE_CUSTOM] = "custom"};
const size_t meter_table_count = sizeof meter_tables / sizeof meter_tables[0];

static const uint64_t idle_ms = UINT64_C(2) * 60 * 1000;

static void free_cache(struct meter_cache *cache)
{
    store_view_close(cache->view);
    limit_table_free(cache->limits);
    write_behind_wipe(cache);
    custom_wipe(cache);
    pthread_mutex_destroy(&cache->view_lock);
    free(cache);
}

static struct limit_table *new_table(const struct meter_options *options)
{
    return limit_table_new(&(struct limit_table_options){.clock = options->clock,
                                                         .zone = options->zones.installation,
                                                         .relaxed = options->relaxed,
                                                         .relaxed_on_failure = options->relaxed_on_failure,
                                                         .max_meters = options->max_resident});
}

static enum status no_memory(struct status_failure *failure)
{
    return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory while starting");
}

static enum status count_custom(struct meter_cache *cache)
{
    enum status status = store_view_begin(cache->view);
    if (status == STATUS_OK) {
        status = custom_count(cache, cache->view);
        store_view_end(cache->view);
    }
    return status;
}

enum status meter_open(const struct meter_options *options, struct meter_cache **out, struct status_failure *failure)
{
    struct meter_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return no_memory(failure);
    cache->store = options->store;
    cache->clock = options->clock;
    cache->zones = options->zones;
    cache->log = options->log;
    pthread_mutex_init(&cache->view_lock, NULL); // cannot fail with default attributes
    bool can_write = write_behind_init(cache);
    custom_init(cache, options->max_custom);
    bool can_sweep = sweep_init(cache);
    cache->limits = new_table(options);
    enum status status = store_view_open(options->store, &cache->view);
    if (status == STATUS_OK && !(can_write && can_sweep && cache->limits != NULL))
        status = no_memory(failure);
    if (status == STATUS_OK)
        status = count_custom(cache);
    if (status != STATUS_OK) {
        sweep_close(cache);
        free_cache(cache);
        return status;
    }
    fence_begin(cache);
    write_behind_mark(cache);
    *out = cache;
    return STATUS_OK;
}

void meter_close(struct meter_cache *cache)
{
    if (cache == NULL)
        return;
    sweep_close(cache);
    write_behind_exact(cache);
    free_cache(cache);
}

void meter_note_use(struct meter_cache *cache)
{
    if (!atomic_load_explicit(&cache->in_use, memory_order_relaxed))
        atomic_store(&cache->in_use, true);
}

void meter_tick(struct meter_cache *cache)
{
    fence_watch_wall(cache);
    if (atomic_exchange(&cache->in_use, false) || fence_promise_ms(cache) > 0)
        write_behind_request_mark(cache);
}

void meter_evict_idle(struct meter_cache *cache)
{
    (void)limit_evict_idle(cache->limits, idle_ms);
    if (limit_write_wanted(cache->limits))
        write_behind_request(cache);
}

struct meter_stats meter_stats(struct meter_cache *cache)
{
    return (struct meter_stats){.limits = limit_table_stats(cache->limits),
                                .store = store_health(cache->store),
                                .clock_jumps = atomic_load(&cache->clock_jumps),
                                .custom_meters = share_records(&cache->custom.shares),
                                .custom_makers = share_callers(&cache->custom.shares)};
}
