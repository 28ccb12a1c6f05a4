// The write-behind: one job that carries whatever the limit table wants written, with the clock's mark.
//
// The problem: many callers find at the same time that something has to be written, and each commit costs a wait for
// the disk. So there is one job, which is in the writer's queue at most once. When the writer comes to it, it takes all
// that has come up since (limit_collect) and writes it in the transaction at hand; after the commit
// limit_write_batch_end says what may be spent now and wakes the waiters. A caller that finds the job queued may rely
// on it: the job becomes free only after limit_write_batch_end, and then it looks once more whether anything has come
// meanwhile. The same job carries the clock's mark, taken after the records, so that no record on disk is from later
// than the mark. At a clean stop its last run carries every meter's exact state.
//
// The store may skip a run, when its transaction does not begin or another job breaks it. Callers are told at once; the
// clean stop tries a few times more.
#include "meter/internal.h"
#include "meter/record.h"

#define WRITE_ARENA_BYTES ((size_t)256 * 1024 * 1024)

enum { SKIPS_MAX = 8 }; // skipped runs after which a clean stop ends without the write

static struct meter_cache *cache_of(struct store_job *job)
{
    return CONTAINER_OF(job, struct meter_cache, write_behind.job);
}

static bool write_record(struct meter_cache *cache, struct store_txn *txn, size_t n)
{
    struct write_behind *write = &cache->write_behind;
    struct slice name;
    const struct limit_record *record;
    bool empty;
    limit_write_batch_at(write->batch, n, &name, &record, &empty);
    struct slice bytes = slice_empty();
    if (!empty && !meter_record_pack(record, write->arena, &bytes))
        return false;
    if (custom_table(name) == TABLE_CUSTOM)
        custom_write(cache, txn, name, record->maker, bytes);
    else if (empty)
        store_delete(txn, TABLE_METER, name);
    else
        store_put(txn, TABLE_METER, name, bytes);
    arena_reset(write->arena);
    return true;
}

// Called after the batch was collected, so that H is not before the time of any record.
static bool write_mark(struct meter_cache *cache, struct store_txn *txn)
{
    struct write_behind *write = &cache->write_behind;
    atomic_store(&write->mark_wanted, false); // a mark that is asked for from now on is a later one
    write->promised_ms = fence_promise_ms(cache);
    struct clock_mark mark = clock_mark(cache->clock);
    write->durable_ms = mark.high_ms; // without the promised time, which may never be used
    mark.high_ms += write->promised_ms;
    struct slice bytes;
    if (!meter_mark_pack(&mark, write->arena, &bytes))
        return false;
    store_put(txn, TABLE_CLOCK, slice_text("mark"), bytes);
    arena_reset(write->arena);
    return true;
}

static void write_run(struct store_job *job, struct store_txn *txn)
{
    struct meter_cache *cache = cache_of(job);
    struct write_behind *write = &cache->write_behind;
    write->has_run = true;
    write->is_exact = atomic_load(&write->stopping);
    share_take_promises(&cache->custom.shares);
    write->batch = write->is_exact ? limit_collect_exact(cache->limits) : limit_collect(cache->limits);
    size_t count = write->batch != NULL ? limit_write_batch_count(write->batch) : 0;
    write->failed = false;
    for (size_t i = 0; i < count && !write->failed; i++)
        write->failed = !write_record(cache, txn, i);
    write->failed = !write_mark(cache, txn) || write->failed;
}

// Wakes write_behind_mark and, at the clean stop, write_behind_exact.
static void tell_waiting(struct meter_cache *cache)
{
    struct write_behind *write = &cache->write_behind;
    pthread_mutex_lock(&write->lock);
    write->marked = true;
    write->stopped = write->is_exact;
    pthread_cond_signal(&write->done);
    pthread_mutex_unlock(&write->lock);
}

// The store has skipped the run, because its transaction did not begin or another job broke it. Nobody waits for
// another try but the clean stop, and that only for some.
static void skip_run(struct meter_cache *cache)
{
    struct write_behind *write = &cache->write_behind;
    bool stopping = atomic_load(&write->stopping);
    write->failed = true;
    atomic_store(&write->mark_wanted, false);
    write->is_exact = stopping && ++write->stop_skips == SKIPS_MAX;
    if (write->is_exact)
        write->batch = limit_collect_exact(cache->limits); // nothing is written: whoever waits is told
    else
        write->batch = stopping ? NULL : limit_collect(cache->limits);
    share_take_promises(&cache->custom.shares);
}

static void write_done(struct store_job *job, enum status status)
{
    struct meter_cache *cache = cache_of(job);
    struct write_behind *write = &cache->write_behind;
    if (!write->has_run)
        skip_run(cache);
    write->has_run = false;
    share_end_promises(&cache->custom.shares);
    share_end_commit(&cache->custom.shares, status == STATUS_OK);
    enum status outcome = write->failed ? STATUS_UNAVAILABLE : status;
    if (write->batch != NULL) {
        limit_write_batch_end(cache->limits, write->batch, outcome, write->durable_ms);
        write->batch = NULL;
    } else if (outcome == STATUS_OK) {
        limit_note_durable(cache->limits, write->durable_ms);
    }
    if (outcome == STATUS_OK)
        fence_follow(cache, write->promised_ms);
    else
        share_doubt(&cache->custom.shares);
    bool is_last = write->is_exact;
    tell_waiting(cache);
    if (is_last)
        return; // the cache may be gone
    // A caller that found the job queued relies on the look that follows.
    atomic_store(&write->queued, false);
    if (limit_write_wanted(cache->limits) || atomic_load(&write->mark_wanted) || atomic_load(&write->stopping))
        write_behind_request(cache);
}

bool write_behind_init(struct meter_cache *cache)
{
    struct write_behind *write = &cache->write_behind;
    write->job.run = write_run;
    write->job.done = write_done;
    atomic_init(&write->queued, false);
    atomic_init(&write->mark_wanted, false);
    pthread_mutex_init(&write->lock, NULL);
    pthread_cond_init(&write->done, NULL);
    write->arena = arena_new(WRITE_ARENA_BYTES);
    return write->arena != NULL;
}

void write_behind_wipe(struct meter_cache *cache)
{
    struct write_behind *write = &cache->write_behind;
    arena_free(write->arena);
    pthread_mutex_destroy(&write->lock);
    pthread_cond_destroy(&write->done);
}

void write_behind_request(struct meter_cache *cache)
{
    struct write_behind *write = &cache->write_behind;
    if (!atomic_exchange(&write->queued, true))
        store_submit(cache->store, &write->job);
}

void write_behind_request_mark(struct meter_cache *cache)
{
    atomic_store(&cache->write_behind.mark_wanted, true);
    write_behind_request(cache);
}

static void request_and_wait(struct meter_cache *cache, const bool *done)
{
    struct write_behind *write = &cache->write_behind;
    write_behind_request(cache);
    pthread_mutex_lock(&write->lock);
    while (!*done)
        pthread_cond_wait(&write->done, &write->lock);
    pthread_mutex_unlock(&write->lock);
}

void write_behind_mark(struct meter_cache *cache)
{
    request_and_wait(cache, &cache->write_behind.marked);
}

void write_behind_exact(struct meter_cache *cache)
{
    struct write_behind *write = &cache->write_behind;
    atomic_store(&write->stopping, true);
    request_and_wait(cache, &write->stopped);
}
