// The meters in memory: a hash table in each of 64 shards, with a mutex of its own.
//
// The problem: many threads decide at once, and one decision has to see and to change all meters of its owner together.
// So all of an owner's meters are in the one shard that the owner's name chooses, and a decision holds only that
// shard's mutex. A shard also holds the queue of meters to write, the queue of callers that wait for this, and the log
// of charges. State that a meter needs only while it is queued or written is allocated apart (struct limit_write),
// because most meters are at rest.
#include "limit/write_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

enum { FIRST_BUCKET_COUNT = 16, MALLOC_HEADER = 8, MALLOC_ALIGN = 16, MALLOC_MIN = 32 };

struct limit_meter *limit_table_find(const struct limit_shard *shard, const struct limit_lookup *lookup)
{
    if (shard->bucket_count == 0)
        return NULL;
    struct limit_meter *meter = shard->buckets[lookup->hash & (shard->bucket_count - 1)];
    while (meter != NULL && !(meter->hash == lookup->hash && meter->name_size == lookup->name.size &&
                              memcmp(meter->name, lookup->name.bytes, lookup->name.size) == 0))
        meter = meter->next;
    return meter;
}

// --- meters

const struct limit_algorithm_functions *limit_meter_functions(const struct limit_meter *meter)
{
    return limit_algorithm_of((enum limit_algorithm)meter->algorithm);
}

const struct zone *limit_zone_of(const struct limit_table *table, const struct limit_applicable *applicable)
{
    if (!limit_period_is_local(applicable->limit.period))
        return NULL;
    return applicable->zone != NULL ? applicable->zone : table->zone;
}

struct limit_rate limit_meter_rate(const struct limit_meter *meter)
{
    return (struct limit_rate){
        .amount = meter->amount,
        .burst = meter->burst,
        .window_ms = (uint64_t)meter->window_s * 1000,
        .period = (enum limit_period)meter->period,
        .zone = meter->algorithm == LIMIT_FIXED_WINDOW ? meter->state.fixed.zone : NULL,
    };
}

bool limit_is_rate_of_record(const struct limit_meter *meter, const struct limit_record *record)
{
    return limit_is_same_rate(meter, record->amount, record->burst);
}

bool limit_is_window_durable(const struct limit_table *table, const struct limit_meter *meter)
{
    if (meter->algorithm != LIMIT_FIXED_WINDOW)
        return true;
    return limit_max(atomic_load(&table->durable_ms), meter->durable_ms) >= meter->state.fixed.begin_ms;
}

void limit_void_reservation(struct limit_meter *meter)
{
    meter->left = 0;
    meter->dirty = true;
    if (!limit_meter_is_idle(meter) && meter->write->in_flight)
        meter->write->spent = UINT64_MAX; // nothing is left of what the record in flight sets aside
}

void limit_take_rate(struct limit_meter *meter, const struct limit_rate *rate)
{
    if (!limit_is_same_rate(meter, rate->amount, rate->burst))
        meter->left = 0;
    meter->amount = rate->amount;
    meter->burst = rate->burst;
}

static size_t malloc_bytes(size_t size)
{
    size_t bytes = (size + MALLOC_HEADER + MALLOC_ALIGN - 1) / MALLOC_ALIGN * MALLOC_ALIGN;
    return bytes < MALLOC_MIN ? MALLOC_MIN : bytes;
}

size_t limit_meter_bytes(const struct limit_meter *meter)
{
    size_t bytes = malloc_bytes(limit_meter_size(meter->name_size));
    if (meter->algorithm == LIMIT_SLIDING_WINDOW)
        bytes += malloc_bytes((size_t)meter->state.sliding.slots * meter->state.sliding.width);
    return bytes;
}

void limit_meter_free(struct limit_meter *meter)
{
    const struct limit_algorithm_functions *functions = limit_meter_functions(meter);
    if (functions->wipe != NULL)
        functions->wipe(&meter->state);
    free(meter->write);
    free(meter);
}

void limit_table_forget(struct limit_shard *shard, struct limit_meter *meter)
{
    struct limit_meter **at = &shard->buckets[meter->hash & (shard->bucket_count - 1)];
    while (*at != meter)
        at = &(*at)->next;
    *at = meter->next;
    shard->meter_count--;
    shard->meter_bytes -= limit_meter_bytes(meter);
    shard->forgotten[shard->generation++ % LIMIT_FORGOTTEN_MAX] = meter->hash;
    limit_meter_free(meter);
}

// When there is no memory for a larger table, the chains just grow longer.
static void grow(struct limit_shard *shard)
{
    size_t count = shard->bucket_count > 0 ? shard->bucket_count * 2 : FIRST_BUCKET_COUNT;
    struct limit_meter **buckets = calloc(count, sizeof(struct limit_meter *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < shard->bucket_count; i++) {
        while (shard->buckets[i] != NULL) {
            struct limit_meter *meter = shard->buckets[i];
            shard->buckets[i] = meter->next;
            meter->next = buckets[meter->hash & (count - 1)];
            buckets[meter->hash & (count - 1)] = meter;
        }
    }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->bucket_count = count;
}

bool limit_table_insert(struct limit_shard *shard, struct limit_meter *meter)
{
    if (shard->meter_count >= shard->bucket_count)
        grow(shard);
    if (shard->bucket_count == 0)
        return false;
    struct limit_meter **bucket = &shard->buckets[meter->hash & (shard->bucket_count - 1)];
    meter->next = *bucket;
    *bucket = meter;
    shard->meter_count++;
    shard->meter_bytes += limit_meter_bytes(meter);
    return true;
}

// --- writes

bool limit_write_open(struct limit_meter *meter)
{
    if (limit_meter_is_idle(meter))
        meter->write = calloc(1, sizeof *meter->write);
    return !limit_meter_is_idle(meter);
}

void limit_write_close(struct limit_meter *meter)
{
    const struct limit_write *write = meter->write;
    if (limit_meter_is_idle(meter) || write->queued || write->in_batch)
        return;
    free(meter->write);
    meter->write = NULL;
}

void limit_write_queue(struct limit_table *table, struct limit_shard *shard, struct limit_meter *meter)
{
    if (meter->write->queued)
        return;
    meter->write->queued = true;
    meter->write->next_queued = NULL;
    if (shard->last_queued != NULL)
        shard->last_queued->write->next_queued = meter;
    else
        shard->first_queued = meter;
    shard->last_queued = meter;
    shard->queued_count++;
    atomic_fetch_add(&table->queued_count, 1);
}

struct limit_waiter *limit_take_waiters(struct limit_shard *shard)
{
    struct limit_waiter *waiters = shard->first_waiter;
    shard->first_waiter = shard->last_waiter = NULL;
    return waiters;
}

void limit_clear_queue(struct limit_table *table, struct limit_shard *shard)
{
    atomic_fetch_sub(&table->queued_count, shard->queued_count);
    shard->first_queued = shard->last_queued = NULL;
    shard->queued_count = 0;
}

// Without memory it is written later, by the next decision that spends.
void limit_note_rezoned(struct limit_table *table, struct limit_shard *shard, struct limit_meter *meter)
{
    limit_void_reservation(meter);
    if (limit_write_open(meter))
        limit_write_queue(table, shard, meter);
}

// --- the table

static struct limit_write_batch *new_batch(void)
{
    struct limit_write_batch *batch = calloc(1, sizeof *batch);
    if (batch != NULL)
        batch->reserve = malloc(sizeof *batch->reserve + LIMIT_RESERVE * sizeof(struct limit_entry));
    return batch;
}

static void free_batch(struct limit_write_batch *batch)
{
    if (batch != NULL)
        free(batch->reserve);
    free(batch);
}

struct limit_table *limit_table_new(const struct limit_table_options *options)
{
    struct limit_table *table = aligned_alloc(LIMIT_CACHE_LINE, sizeof *table);
    if (table == NULL)
        return NULL;
    memset(table, 0, sizeof *table);
    table->batch = new_batch();
    if (table->batch == NULL || table->batch->reserve == NULL) {
        free_batch(table->batch);
        free(table);
        return NULL;
    }
    table->clock = options->clock;
    table->zone = options->zone;
    table->relaxed = options->relaxed;
    table->relaxed_on_failure = options->relaxed_on_failure;
    table->shard_max_meters = options->max_meters > 0 ? limit_max(options->max_meters / LIMIT_SHARD_COUNT, 1) : 0;
    table->hash_seed = options->hash_seed;
    if (table->hash_seed == 0)
        random_fill(&table->hash_seed, sizeof table->hash_seed);
    for (size_t i = 0; i < LIMIT_SHARD_COUNT; i++)
        pthread_mutex_init(&table->shards[i].mutex, NULL); // cannot fail with default attributes
    return table;
}

static void free_shard(struct limit_shard *shard)
{
    for (size_t i = 0; i < shard->bucket_count; i++) {
        while (shard->buckets[i] != NULL) {
            struct limit_meter *meter = shard->buckets[i];
            shard->buckets[i] = meter->next;
            limit_meter_free(meter);
        }
    }
    free(shard->buckets);
    limit_charge_log_wipe(&shard->charges);
    pthread_mutex_destroy(&shard->mutex);
}

void limit_table_free(struct limit_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < LIMIT_SHARD_COUNT; i++)
        free_shard(&table->shards[i]);
    free_batch(table->batch);
    free(table);
}

bool limit_write_wanted(struct limit_table *table)
{
    return atomic_load(&table->queued_count) > 0;
}

void limit_note_durable(struct limit_table *table, uint64_t durable_ms)
{
    atomic_store(&table->failing, false);
    uint64_t known = atomic_load(&table->durable_ms);
    while (known < durable_ms && !atomic_compare_exchange_weak(&table->durable_ms, &known, durable_ms))
        ;
}

struct limit_table_stats limit_table_stats(struct limit_table *table)
{
    struct limit_table_stats stats = {0};
    for (size_t i = 0; i < LIMIT_SHARD_COUNT; i++) {
        struct limit_shard *shard = &table->shards[i];
        pthread_mutex_lock(&shard->mutex);
        stats.meters += shard->meter_count;
        stats.bytes += shard->meter_bytes;
        stats.decisions += shard->decisions;
        stats.waits += shard->waits;
        stats.records += shard->records;
        pthread_mutex_unlock(&shard->mutex);
    }
    return stats;
}
