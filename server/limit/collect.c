// Collects what the writer has to write: the first half of a reservation, which reservation.c explains.
//
// The problem: a record must hold what memory knows at one moment, and set aside what may be spent until the next one.
// So each shard's queued meters are read under its lock, with all who wait for them; from then on what is spent of a
// meter is noted beside its record. When memory is out, a small batch is still possible with what the table has set
// aside for it, and whoever cannot be served so is told at once.
#include <stdlib.h>

#include "limit/calendar.h"
#include "limit/write_batch.h"

// Serves the one who has waited longest for the meter, even when others differ about its limit.
static void take_waiting_rate(struct limit_meter *meter)
{
    const struct limit_write *write = meter->write;
    if (!limit_meter_is_idle(meter) && write->waiters > 0)
        limit_take_rate(meter, &(struct limit_rate){.amount = write->amount, .burst = write->burst});
}

// Makes the record: what memory knows now, and a reservation for everything that may be spent until the next record.
static void snapshot(struct limit_entry *entry, uint64_t now_ms)
{
    struct limit_meter *meter = entry->meter;
    const struct limit_algorithm_functions *functions = limit_meter_functions(meter);
    take_waiting_rate(meter);
    struct limit_rate rate = limit_meter_rate(meter);
    meter->t_ms = limit_max(meter->t_ms, now_ms);
    functions->sync(&meter->state, &rate, meter->t_ms);
    entry->record = (struct limit_record){.algorithm = (enum limit_algorithm)meter->algorithm,
                                          .t_ms = meter->t_ms,
                                          .amount = meter->amount,
                                          .burst = meter->burst,
                                          .maker = meter->maker,
                                          .magnitude = (uint8_t)meter->magnitude};
    functions->save(&meter->state, &entry->record);
    if (meter->algorithm == LIMIT_FIXED_WINDOW)
        entry->record.index = limit_calendar_index(&rate, meter->state.fixed.begin_ms); // for older versions
    entry->empty = entry->exact && functions->used(&meter->state, &rate, meter->t_ms) == 0;
    if (entry->exact) {
        meter->left = 0; // nothing may be spent on the strength of older records
        return;
    }
    uint64_t wanted = limit_min(meter->write->wanted, functions->remaining(&meter->state, &rate, meter->t_ms));
    entry->record.reserved = limit_max(limit_reservation(meter->amount), limit_max(meter->left, wanted));
}

static void take_off(struct limit_write *write)
{
    write->queued = false;
    write->in_batch = true;
    write->in_flight = true;
    write->serving = write->waiters > 0;
    write->served = write->wanted;
    write->behind = write->spanning = false;
    write->waiters = 0;
    write->wanted = 0;
    write->spent = write->new_debt = 0;
}

// NULL when memory is out, and what was set aside for that does not suffice or is taken.
static struct limit_group *new_group(struct limit_write_batch *batch, struct limit_shard *shard, size_t count)
{
    struct limit_group *group = malloc(sizeof *group + count * sizeof(struct limit_entry));
    if (group == NULL && count <= LIMIT_RESERVE && !batch->uses_reserve) {
        group = batch->reserve;
        batch->uses_reserve = true;
    }
    if (group == NULL)
        return NULL;
    group->shard = shard;
    group->waiters = NULL;
    group->count = 0;
    return group;
}

// NULL when memory is out.
static struct limit_group *collect_queued(struct limit_table *table, struct limit_shard *shard)
{
    struct limit_group *group = new_group(table->batch, shard, shard->queued_count);
    if (group == NULL)
        return NULL;
    uint64_t now_ms = clock_now_ms(table->clock);
    for (struct limit_meter *meter = shard->first_queued; meter != NULL; meter = meter->write->next_queued) {
        struct limit_entry *entry = &group->entries[group->count++];
        entry->meter = meter;
        entry->exact = meter->retiring && meter->write->waiters == 0;
        snapshot(entry, now_ms);
        meter->dirty = true;
        take_off(meter->write);
    }
    limit_clear_queue(table, shard);
    group->waiters = limit_take_waiters(shard);
    return group;
}

static void stop_queued(struct limit_table *table, struct limit_shard *shard)
{
    struct limit_meter *next = NULL;
    for (struct limit_meter *meter = shard->first_queued; meter != NULL; meter = next) {
        next = meter->write->next_queued;
        *meter->write = (struct limit_write){0};
        limit_write_close(meter);
    }
    limit_clear_queue(table, shard);
}

static size_t count_dirty(const struct limit_shard *shard)
{
    size_t dirty_count = 0;
    for (size_t i = 0; i < shard->bucket_count; i++)
        for (const struct limit_meter *meter = shard->buckets[i]; meter != NULL; meter = meter->next)
            dirty_count += meter->dirty;
    return dirty_count;
}

// Collects only meters that differ from the disk. At a clean stop all waiters are woken with the failure. NULL when
// memory is out: then what the disk has set aside is forfeited, as by a crash.
static struct limit_group *collect_all(struct limit_table *table, struct limit_shard *shard)
{
    struct limit_group *group = new_group(table->batch, shard, count_dirty(shard));
    if (group == NULL)
        return NULL;
    uint64_t now_ms = clock_now_ms(table->clock);
    stop_queued(table, shard);
    for (size_t i = 0; i < shard->bucket_count; i++) {
        for (struct limit_meter *meter = shard->buckets[i]; meter != NULL; meter = meter->next) {
            if (!meter->dirty)
                continue;
            struct limit_entry *entry = &group->entries[group->count++];
            entry->meter = meter;
            entry->exact = true;
            snapshot(entry, now_ms);
        }
    }
    group->waiters = limit_take_waiters(shard);
    return group;
}

// There is no memory for the shard's records. So nobody waits for them: memory that the waiting calls hold may be what
// is wanting.
static void starve(struct limit_table *table, struct limit_shard *shard)
{
    struct limit_waiter **end = &table->batch->starved;
    while (*end != NULL)
        end = &(*end)->next;
    *end = limit_take_waiters(shard);
    stop_queued(table, shard);
}

static void collect_shard(struct limit_table *table, struct limit_shard *shard)
{
    struct limit_write_batch *batch = table->batch;
    bool has_work = shard->queued_count > 0 || (batch->stopping && count_dirty(shard) > 0);
    if (!has_work && shard->first_waiter == NULL)
        return;
    struct limit_group *group = batch->stopping ? collect_all(table, shard) : collect_queued(table, shard);
    if (group == NULL) {
        starve(table, shard);
        return;
    }
    shard->records += group->count;
    batch->groups[batch->group_count++] = group;
    batch->count += group->count;
}

static struct limit_write_batch *collect(struct limit_table *table, bool stopping)
{
    struct limit_write_batch *batch = table->batch;
    *batch = (struct limit_write_batch){.stopping = stopping, .reserve = batch->reserve};
    for (size_t i = 0; i < LIMIT_SHARD_COUNT; i++) {
        struct limit_shard *shard = &table->shards[i];
        pthread_mutex_lock(&shard->mutex);
        collect_shard(table, shard);
        pthread_mutex_unlock(&shard->mutex);
    }
    return batch->group_count > 0 || batch->starved != NULL ? batch : NULL;
}

struct limit_write_batch *limit_collect(struct limit_table *table)
{
    return limit_write_wanted(table) ? collect(table, false) : NULL;
}

struct limit_write_batch *limit_collect_exact(struct limit_table *table)
{
    return collect(table, true);
}

size_t limit_write_batch_count(const struct limit_write_batch *batch)
{
    return batch->count;
}

void limit_write_batch_at(const struct limit_write_batch *batch, size_t n, struct slice *name,
                          const struct limit_record **record, bool *empty)
{
    size_t at = 0;
    while (n >= batch->groups[at]->count)
        n -= batch->groups[at++]->count;
    const struct limit_entry *entry = &batch->groups[at]->entries[n];
    *name = slice_make(entry->meter->name, entry->meter->name_size);
    *record = &entry->record;
    *empty = entry->empty;
}
