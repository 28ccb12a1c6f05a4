// Opens and closes usage, and drives it: each tick drops entries at rest, starts a write and a sweep unless they are
// under way, and logs when counts have found no room.
#include "usage/usage.h"

#include <stdlib.h>

#include "base/random.h"
#include "usage/internal.h"

enum { RETENTION_DAYS_MAX = 3650, DAY_S = 86400, ARENA_BYTES = 256 * 1024, CLOSE_ROUNDS_MAX = 3 };

const char *const usage_tables[USAGE_TABLES] = {[USAGE_TABLE_HOUR] = "usage_hour", [USAGE_TABLE_LAST] = "usage_last"};

// --- opening

static enum status check(const struct usage_options *options, struct status_failure *failure)
{
    if (options->retention_days < 1 || options->retention_days > RETENTION_DAYS_MAX)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "retention_days", "usage is kept for 1 to %d days, not %u",
                           RETENTION_DAYS_MAX, options->retention_days);
    if (options->max_entries < 1)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "max_entries",
                           "usage needs room for at least one tally in memory");
    return STATUS_OK;
}

static void release(struct usage *usage)
{
    usage_views_close(usage);
    usage_shards_close(usage);
    arena_free(usage->behind.arena);
    usage_resources_wipe(&usage->resources);
    pthread_cond_destroy(&usage->job_ended);
    pthread_mutex_destroy(&usage->job_mutex);
    pthread_mutex_destroy(&usage->views_mutex);
    free(usage);
}

enum status usage_open(const struct usage_options *options, struct usage **out, struct status_failure *failure)
{
    *out = NULL;
    enum status status = check(options, failure);
    if (status != STATUS_OK)
        return status;
    struct usage *usage = calloc(1, sizeof *usage);
    if (usage == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "no memory for usage");
    usage->options = *options;
    random_fill(&usage->hash_seed, sizeof usage->hash_seed);
    pthread_mutex_init(&usage->job_mutex, NULL); // cannot fail with default attributes, nor can the next two
    pthread_mutex_init(&usage->views_mutex, NULL);
    pthread_cond_init(&usage->job_ended, NULL);
    usage_resources_init(&usage->resources);
    usage->behind.arena = arena_new(ARENA_BYTES);
    if (usage->behind.arena == NULL || usage_shards_open(usage) != STATUS_OK) {
        release(usage);
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, "max_entries",
                           "no memory for %zu tallies of usage: lower their number", options->max_entries);
    }
    *out = usage;
    return STATUS_OK;
}

// --- closing

static enum status await_jobs(struct usage *usage)
{
    pthread_mutex_lock(&usage->job_mutex);
    while (usage->writing || usage->sweeping)
        pthread_cond_wait(&usage->job_ended, &usage->job_mutex);
    enum status status = usage->last_write;
    pthread_mutex_unlock(&usage->job_mutex);
    return status;
}

void usage_close(struct usage *usage)
{
    if (usage == NULL)
        return;
    enum status status = await_jobs(usage);
    size_t left = usage_stats(usage).waiting;
    // A failed write is repeated, because a disk may be full for a moment only.
    for (unsigned round = 0; round < CLOSE_ROUNDS_MAX && left > 0; round++) {
        usage_write_behind_start(usage);
        status = await_jobs(usage);
        left = usage_stats(usage).waiting;
    }
    if (left > 0)
        log_line(usage->options.log, LOG_LEVEL_ERROR, "usage: %zu tallies could not be written and are lost: %s", left,
                 status_name(status));
    release(usage);
}

// --- the clockwork

// Warns at most once an hour, because counts are lost as long as the cause lasts.
static void warn_of_overflow(struct usage *usage, uint64_t now_ms)
{
    uint64_t overflow = usage_stats(usage).overflow;
    uint32_t hour = usage_hour_of(now_ms);
    if (overflow == usage->overflow_logged || hour == usage->overflow_hour)
        return;
    log_line(usage->options.log, LOG_LEVEL_WARNING,
             "usage: %llu counts found no room among %zu tallies in memory and are missing; give it more entries",
             (unsigned long long)(overflow - usage->overflow_logged), usage->options.max_entries);
    usage->overflow_logged = overflow;
    usage->overflow_hour = hour;
}

void usage_tick(struct usage *usage)
{
    uint64_t now_ms = clock_now_ms(usage->options.clock);
    for (size_t i = 0; i < usage->shard_count; i++) {
        pthread_mutex_lock(&usage->shards[i].mutex);
        usage_drop_rested(&usage->shards[i], now_ms);
        pthread_mutex_unlock(&usage->shards[i].mutex);
    }
    usage_write_behind_start(usage);
    usage_sweep_start(usage, usage_oldest_hour(usage, now_ms));
    warn_of_overflow(usage, now_ms);
}

struct usage_stats usage_stats(struct usage *usage)
{
    struct usage_stats stats = {.entries_max = usage->options.max_entries,
                                .written = atomic_load(&usage->written),
                                .removed = atomic_load(&usage->removed),
                                .damaged = atomic_load(&usage->damaged)};
    for (size_t reason = 0; reason < REASON_COUNT; reason++)
        stats.reasons[reason].reason = reason_at(reason);
    for (size_t i = 0; i < usage->shard_count; i++) {
        struct usage_shard *shard = &usage->shards[i];
        pthread_mutex_lock(&shard->mutex);
        stats.entries += shard->in_use;
        stats.waiting += shard->in_use - shard->clean.count;
        stats.overflow += shard->overflow;
        stats.would_refuse += shard->would_refuse;
        for (size_t reason = 0; reason < REASON_COUNT; reason++) {
            stats.noted += shard->noted[reason];
            stats.reasons[reason].count += shard->noted[reason];
        }
        pthread_mutex_unlock(&shard->mutex);
    }
    return stats;
}
