// The sweep of the records of custom subjects: it deletes those that say nothing, and those that cost least to forget
// when there is no room.
//
// The problem: subjects come and never say that they are gone. So a sweep goes round through the table, some records a
// second, and deletes those that say no more than a missing record: their meter has recovered everything and is not in
// memory.
//
// A flood of names that do not recover soon would stay, and its own caller could make no new ones. So a caller that
// comes near to what it may have (share.c) loses records that still say something, until it no longer does: only in
// namespaces of which that is true, only of meters that are not in memory and that nobody else has charged, and the
// freshest strangers first, of which little is counted: in the first round through the table those with at most a 64th
// of their limit, then with twice as much, and never those with more than an eighth. That much is what forgetting a
// subject may admit again.
#include "meter/internal.h"
#include "meter/record.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_ARENA_BYTES ((size_t)1024 * 1024)

enum {
    SWEEP_RECORDS = 256, // records of one run: about a millisecond, and the commits of others wait for it
    SWEEP_RUNS_EAGER = 32,
    RECOUNT_MS = 60000,
    SHIFT_FIRST = 6, // 2^6 = 64
    SHIFT_LAST = 3
};

struct sweep_found {
    struct limit_name name;
    uint32_t maker;
    bool at_rest;
};

static struct meter_cache *cache_of(struct store_job *job)
{
    return CONTAINER_OF(job, struct meter_cache, custom.sweep.job);
}

static void copy_name(struct limit_name *to, struct slice name)
{
    to->size = name.size <= sizeof to->bytes ? name.size : 0;
    memcpy(to->bytes, name.data, to->size);
}

// --- which records may go

// One run.
struct run {
    struct meter_cache *cache;
    uint64_t now_ms;
    uint64_t count; // of records
};

// A caller loses records before it has so many that it gets no new ones: then a fifth of what is free counts as taken.
static bool is_near_its_share(const struct run *run, uint32_t maker, struct slice name)
{
    struct custom *custom = &run->cache->custom;
    struct share_use use;
    uint64_t free_count = custom->max_meters > run->count ? custom->max_meters - run->count : 0;
    return share_is_used_up(&custom->shares, maker, name, free_count - free_count / 5, &use);
}

static bool may_be_evicted(const struct run *run, struct slice name, const struct limit_record *record)
{
    const struct custom *custom = &run->cache->custom;
    struct sweep *sweep = &run->cache->custom.sweep;
    if (!is_near_its_share(run, record->maker, name))
        return false;
    sweep->is_evicting = true;
    return limit_record_is_cheap(name, record, custom->start_ms, run->now_ms, sweep->shift);
}

static bool is_resident(struct meter_cache *cache, struct slice name)
{
    struct slice owner = slice_make(name.data + 2, name.data[1]); // the owner of its calls
    return limit_is_resident(cache->limits, owner, name);
}

// A record may go when its meter has recovered everything that was ever spent. The record of a meter in memory stays.
// When a meter is just being loaded from the record, no harm is done: it has nothing set aside, so a later job than
// this one writes it before it spends; until then it knows as much as an empty one, or, if it was evicted, more.
static void look_at(const struct run *run, struct slice name, struct slice bytes)
{
    struct meter_cache *cache = run->cache;
    struct sweep *sweep = &cache->custom.sweep;
    struct limit_record record;
    arena_reset(sweep->arena);
    if (name.size < 2 || name.size < 2 + (size_t)name.data[1] ||
        meter_record_unpack(bytes, &cache->zones, sweep->arena, &record) != STATUS_OK)
        return;
    bool at_rest = limit_record_at_rest(name, &record, cache->custom.start_ms, run->now_ms);
    if ((!at_rest && !may_be_evicted(run, name, &record)) || is_resident(cache, name))
        return;
    struct sweep_found *found = &sweep->found[sweep->found_count++];
    copy_name(&found->name, name);
    found->maker = record.maker;
    found->at_rest = at_rest;
}

// --- the walk

// Only collects, because nothing may be written to the table while a cursor is open on it. False at the table's end.
static bool look_at_some(const struct run *run, struct store_cursor *cursor)
{
    struct sweep *sweep = &run->cache->custom.sweep;
    struct slice name, bytes;
    enum status status = store_cursor_seek(cursor, limit_name_slice(&sweep->next), &name, &bytes);
    for (size_t i = 0; i < SWEEP_RECORDS && status == STATUS_OK; i++) {
        look_at(run, name, bytes);
        status = store_cursor_next(cursor, &name, &bytes);
    }
    sweep->next.size = 0; // from the beginning again
    if (status == STATUS_OK)
        copy_name(&sweep->next, name);
    return status == STATUS_OK;
}

// Evicts no more than it takes: each record that is deleted is one more that is free.
static void delete_found(struct run *run, struct store_txn *txn)
{
    const struct sweep *sweep = &run->cache->custom.sweep;
    for (size_t i = 0; i < sweep->found_count; i++) {
        const struct sweep_found *found = &sweep->found[i];
        struct slice name = limit_name_slice(&found->name);
        if (!found->at_rest && !is_near_its_share(run, found->maker, name))
            continue;
        custom_write(run->cache, txn, name, found->maker, slice_empty());
        run->count--;
    }
}

// At the end of a round: the next one takes what costs more, if there was anybody to take it from.
static void end_round(struct sweep *sweep)
{
    if (!sweep->is_evicting)
        sweep->shift = SHIFT_FIRST;
    else if (sweep->shift > SHIFT_LAST)
        sweep->shift--;
    sweep->is_evicting = false;
}

// Counts anew, after memory was out or a commit failed: nobody knows then what is on disk. A million records take half
// a second, for which others wait, and on a disk that is nearly full commits may fail all the time.
static void count_anew(struct meter_cache *cache, struct store_txn *txn)
{
    bool is_due = clock_now_ms(cache->clock) - cache->custom.counted_ms >= RECOUNT_MS;
    if (is_due && share_is_doubtful(&cache->custom.shares) && store_health(cache->store).last_commit == STATUS_OK)
        status_ignore(custom_count(cache, txn), "the next run does it again");
}

static void sweep_run(struct store_job *job, struct store_txn *txn)
{
    struct meter_cache *cache = cache_of(job);
    struct sweep *sweep = &cache->custom.sweep;
    struct run run = {.cache = cache, .now_ms = clock_now_ms(cache->clock)};
    struct store_cursor *cursor = NULL;
    sweep->found_count = 0;
    count_anew(cache, txn);
    if (store_count(txn, TABLE_CUSTOM, &run.count) != STATUS_OK)
        return;
    share_note_records(&cache->custom.shares, run.count);
    if (run.count == 0 || store_cursor_open(txn, TABLE_CUSTOM, &cursor) != STATUS_OK)
        return;
    bool goes_on = look_at_some(&run, cursor);
    store_cursor_close(cursor);
    delete_found(&run, txn);
    if (!goes_on)
        end_round(sweep);
}

// Goes on through the table while it is nearly full, but only so many times: others want the writer, too.
static void sweep_done(struct store_job *job, enum status status)
{
    struct meter_cache *cache = cache_of(job);
    struct custom *custom = &cache->custom;
    struct sweep *sweep = &custom->sweep;
    share_end_commit(&custom->shares, status == STATUS_OK);
    bool is_crowded = share_records(&custom->shares) >= custom->max_meters - custom->max_meters / 8;
    if (status != STATUS_OK)
        share_doubt(&custom->shares);
    pthread_mutex_lock(&sweep->lock);
    bool goes_on = status == STATUS_OK && is_crowded && sweep->runs_left > 1 && !sweep->stopping;
    sweep->runs_left -= goes_on;
    sweep->queued = goes_on;
    if (!goes_on)
        pthread_cond_signal(&sweep->idle);
    pthread_mutex_unlock(&sweep->lock); // from here on it may be gone, unless it is queued
    if (goes_on)
        store_submit(cache->store, job);
}

void meter_sweep_custom(struct meter_cache *cache)
{
    struct sweep *sweep = &cache->custom.sweep;
    pthread_mutex_lock(&sweep->lock);
    bool starts = cache->custom.max_meters > 0 && !sweep->queued && !sweep->stopping;
    sweep->queued = sweep->queued || starts;
    sweep->runs_left = SWEEP_RUNS_EAGER;
    pthread_mutex_unlock(&sweep->lock);
    if (starts)
        store_submit(cache->store, &sweep->job);
}

bool sweep_init(struct meter_cache *cache)
{
    struct sweep *sweep = &cache->custom.sweep;
    sweep->job = (struct store_job){.run = sweep_run, .done = sweep_done};
    sweep->shift = SHIFT_FIRST;
    pthread_mutex_init(&sweep->lock, NULL);
    pthread_cond_init(&sweep->idle, NULL);
    sweep->arena = arena_new(SWEEP_ARENA_BYTES);
    sweep->found = calloc(SWEEP_RECORDS, sizeof *sweep->found);
    return sweep->arena != NULL && sweep->found != NULL;
}

void sweep_close(struct meter_cache *cache)
{
    struct sweep *sweep = &cache->custom.sweep;
    pthread_mutex_lock(&sweep->lock);
    sweep->stopping = true;
    while (sweep->queued)
        pthread_cond_wait(&sweep->idle, &sweep->lock);
    pthread_mutex_unlock(&sweep->lock);
    arena_free(sweep->arena);
    free(sweep->found);
    pthread_cond_destroy(&sweep->idle);
    pthread_mutex_destroy(&sweep->lock);
}
