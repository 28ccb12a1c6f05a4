// Answers from memory and disk together. An entry that holds a whole tally takes the record's place; any other entry is
// added to the record. The view is begun first, so that an entry that leaves memory meanwhile is not counted twice.
#include <string.h>

#include "usage/internal.h"

enum { DAY_S = 86400, HOUR_S = 3600, SCRATCH_BYTES = 256 * 1024, FIRST_BUCKETS = 16 };

// --- one hour

enum status usage_sum_hour(struct usage *usage, struct store_txn *view, uint32_t hour, struct usage_subject subject,
                           struct arena *scratch, struct usage_sums *out)
{
    enum status status = usage_load_hour(usage, view, hour, subject, scratch, out);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    struct usage_lookup lookup = usage_lookup(usage, subject, hour);
    struct usage_shard *shard = usage_shard(usage, lookup.hash);
    pthread_mutex_lock(&shard->mutex);
    const struct usage_entry *entry = usage_find(shard, &lookup);
    if (entry != NULL && entry->loaded)
        *out = entry->sums;
    else if (entry != NULL)
        usage_sums_add(out, &entry->sums);
    pthread_mutex_unlock(&shard->mutex);
    return STATUS_OK;
}

// --- last use

static void merge_memory(struct usage *usage, struct usage_subject key, struct usage_last *last)
{
    struct usage_lookup lookup = usage_lookup(usage, key, 0);
    struct usage_shard *shard = usage_shard(usage, lookup.hash);
    pthread_mutex_lock(&shard->mutex);
    const struct usage_entry *entry = shard->buckets[lookup.hash & (shard->bucket_count - 1)];
    for (; entry != NULL; entry = entry->chain) {
        if (entry->kind == USAGE_OF_KEY && slice_equal(slice_make(entry->id, entry->id_size), key.id))
            usage_last_merge(last, &entry->trace);
    }
    pthread_mutex_unlock(&shard->mutex);
}

enum status usage_last_used(struct usage *usage, struct store_txn *view, const uint8_t key_id[USAGE_KEY_ID_SIZE],
                            struct usage_last *out)
{
    struct usage_subject key = {USAGE_OF_KEY, slice_make(key_id, USAGE_KEY_ID_SIZE)};
    memset(out, 0, sizeof *out);
    struct arena *scratch = arena_new(SCRATCH_BYTES);
    if (scratch == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    enum status status = usage_load_last(usage, view, key.id, scratch, out);
    arena_free(scratch);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    merge_memory(usage, key, out);
    return out->first_ms > 0 ? STATUS_OK : STATUS_NOT_FOUND;
}

// --- buckets

struct reading {
    struct usage *usage;
    struct store_txn *view;
    const struct usage_query *query;
    struct arena *arena;
    struct arena *scratch;
    struct usage_report *out;
    size_t bucket_max;
    uint32_t bucket_s;
    uint32_t from_hour;
    uint32_t to_hour; // exclusive
};

// Days are numbered by their local date. A date that comes again after the clock was put back is over (zone_first_at).
static int64_t day_at(const struct zone *zone, int64_t t_s)
{
    int64_t day = (t_s + zone_at(zone, t_s).offset_s) / DAY_S; // never negative: it is not 1970 any more
    while (zone_first_at(zone, (day + 1) * DAY_S) <= t_s)
        day++;
    return day;
}

static int64_t bucket_at(const struct reading *r, uint64_t ms)
{
    int64_t t_s = (int64_t)(ms / 1000);
    return r->bucket_s == HOUR_S ? t_s / HOUR_S : day_at(r->usage->options.zone, t_s);
}

static int64_t bucket_of(const struct reading *r, uint32_t hour)
{
    return bucket_at(r, (uint64_t)hour * USAGE_HOUR_MS);
}

static uint64_t bucket_start_ms(const struct reading *r, int64_t bucket)
{
    int64_t start_s =
        r->bucket_s == HOUR_S ? bucket * HOUR_S : zone_first_at(r->usage->options.zone, bucket * (int64_t)DAY_S);
    return start_s > 0 ? (uint64_t)start_s * 1000 : 0;
}

// Returns the first hour that begins in the bucket.
static uint32_t bucket_first_hour(const struct reading *r, int64_t bucket)
{
    return usage_hour_of(bucket_start_ms(r, bucket) + USAGE_HOUR_MS - 1);
}

static enum status check_query(struct reading *r, struct status_failure *failure)
{
    const struct usage_query *query = r->query;
    r->bucket_s = query->bucket_s == 0 ? HOUR_S : query->bucket_s;
    if (r->bucket_s != HOUR_S && r->bucket_s != DAY_S)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "bucket_s", "must be 3600 (hours) or 86400 (days), not %u",
                           query->bucket_s);
    if (query->to_ms != 0 && query->to_ms <= query->from_ms)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "to_ms", "must be later than from_ms");
    return STATUS_OK;
}

// Fits the span to the hours that are kept. It is empty when none is kept, or all are in the future.
static void fit_span(struct reading *r)
{
    uint64_t now_ms = clock_now_ms(r->usage->options.clock);
    uint64_t oldest_ms = (uint64_t)usage_oldest_hour(r->usage, now_ms) * USAGE_HOUR_MS;
    uint64_t from_ms = r->query->from_ms > oldest_ms ? r->query->from_ms : oldest_ms;
    uint64_t to_ms = r->query->to_ms != 0 && r->query->to_ms <= now_ms ? r->query->to_ms : now_ms + 1;
    if (from_ms >= to_ms)
        return;
    r->from_hour = bucket_first_hour(r, bucket_at(r, from_ms));
    r->to_hour = bucket_first_hour(r, bucket_at(r, to_ms - 1) + 1);
}

static bool grow(struct reading *r)
{
    size_t max = r->bucket_max > 0 ? r->bucket_max * 2 : FIRST_BUCKETS;
    struct usage_bucket *buckets = arena_array(r->arena, max, sizeof *buckets);
    if (buckets == NULL)
        return false;
    if (r->out->bucket_count > 0)
        memcpy(buckets, r->out->buckets, r->out->bucket_count * sizeof *buckets);
    r->out->buckets = buckets;
    r->bucket_max = max;
    return true;
}

static enum status add_bucket(struct reading *r, int64_t bucket, const struct usage_sums *sums)
{
    if (usage_sums_calls(sums) == 0)
        return STATUS_OK;
    if (r->out->bucket_count == r->bucket_max && !grow(r))
        return STATUS_RESOURCE_EXHAUSTED;
    struct usage_bucket *added = &r->out->buckets[r->out->bucket_count];
    added->start_ms = bucket_start_ms(r, bucket);
    if (!usage_sums_to_tally(sums, &r->usage->resources, r->arena, &added->tally))
        return STATUS_RESOURCE_EXHAUSTED;
    r->out->bucket_count++;
    return STATUS_OK;
}

// Reads the bucket that begins at *hour and moves on to the next.
static enum status read_bucket(struct reading *r, uint32_t *hour)
{
    struct usage_sums bucket_sums = {0};
    int64_t bucket = bucket_of(r, *hour);
    for (; *hour < r->to_hour && bucket_of(r, *hour) == bucket; ++*hour) {
        struct usage_sums sums;
        enum status status = usage_sum_hour(r->usage, r->view, *hour, r->query->subject, r->scratch, &sums);
        if (status != STATUS_OK)
            return status;
        usage_sums_add(&bucket_sums, &sums);
    }
    return add_bucket(r, bucket, &bucket_sums);
}

enum status usage_read(struct usage *usage, struct store_txn *view, const struct usage_query *query,
                       struct arena *arena, struct usage_report *out, struct status_failure *failure)
{
    struct reading r = {.usage = usage, .view = view, .query = query, .arena = arena, .out = out};
    *out = (struct usage_report){0};
    enum status status = check_query(&r, failure);
    if (status != STATUS_OK)
        return status;
    fit_span(&r);
    r.scratch = arena_new(SCRATCH_BYTES);
    if (r.scratch == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "no memory to read usage");
    for (uint32_t hour = r.from_hour; status == STATUS_OK && hour < r.to_hour;)
        status = read_bucket(&r, &hour);
    arena_free(r.scratch);
    if (status == STATUS_RESOURCE_EXHAUSTED)
        return status_fail(failure, status, NULL, "too much usage for one answer: ask for a shorter span, or for days");
    if (status != STATUS_OK)
        return status_fail(failure, status, NULL, "usage cannot be read from the store");
    return STATUS_OK;
}
