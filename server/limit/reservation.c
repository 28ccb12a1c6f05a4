// Collects what the writer has to write (limit_collect), and sets what may be spent after its commit
// (limit_write_batch_end).
//
// The problem: memory must not spend what a crash would forget. So a record on disk says more than what is used: it
// sets units aside, which a crash counts as spent. Memory spends only those (`left`), and asks for the next ones in
// time.
//
// One reservation over time, of requests=80/min, which sets aside R = 80 / 8 = 10:
//   used left  what happens
//      0    0  A asks for 1: it fits, but nothing is set aside. The meter is queued, A waits.
//      0    0  limit_collect: the record says 0 used, 10 set aside. It is in flight. B asks, and has to wait as well.
//      0   10  the commit lands, limit_write_batch_end: left = 10 - 0 spent meanwhile. A is woken and decides again.
//      1    9  A has spent. There is enough for B, so B need not wait for another commit (wake_late).
//      5    5  B and three more have spent. left <= R / 2, so the meter is queued again, but nobody waits for that.
//      5    5  limit_collect: the record says 5 used, 10 set aside.
//      7    3  two more have spent while it is in flight.
//      7    8  the commit lands: left = 10 - 2. Used and left add up to what the record covers, 15.
// After a crash at any moment, used + set aside of the newest record count as used: at the end 15, though only 7 are.
// So 8 are forfeited, and nothing is admitted twice. If the second commit had failed, either record might be on disk;
// left would have stayed 3, and 7 + 3 is no more than the older one covers.
#include <stdlib.h>

#include "limit/table.h"

struct entry {
    struct limit_meter *meter; // stays valid: a meter in flight does not leave memory
    struct limit_record record;
    bool exact; // nothing is set aside
    bool empty; // and nothing is used
};

// One shard's part of the batch.
struct group {
    struct limit_shard *shard;
    struct limit_waiter *waiters;
    size_t count;
    struct entry entries[];
};

struct limit_write_batch {
    bool stopping; // from limit_collect_exact
    size_t count;
    size_t group_count;
    struct group *groups[LIMIT_SHARD_COUNT];
};

// --- collecting

// Serves the one who has waited longest for the meter, even when others differ about its limit.
static void take_waiting_rate(struct limit_meter *meter)
{
    const struct limit_write *write = meter->write;
    if (!limit_meter_is_idle(meter) && write->waiters > 0)
        limit_take_rate(meter, &(struct limit_rate){.amount = write->amount, .burst = write->burst});
}

// Makes the record: what memory knows now, and a reservation for everything that may be spent until the next record.
static void snapshot(const struct limit_table *table, struct entry *entry, uint64_t now_ms)
{
    struct limit_meter *meter = entry->meter;
    const struct limit_algorithm_functions *functions = limit_meter_functions(meter);
    take_waiting_rate(meter);
    struct limit_rate rate = limit_meter_rate(table, meter);
    meter->t_ms = limit_max(meter->t_ms, now_ms);
    functions->sync(&meter->state, &rate, meter->t_ms);
    entry->record = (struct limit_record){.algorithm = (enum limit_algorithm)meter->algorithm,
                                          .t_ms = meter->t_ms,
                                          .amount = meter->amount,
                                          .burst = meter->burst};
    functions->save(&meter->state, &entry->record);
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

static struct limit_waiter *take_waiters(struct limit_shard *shard)
{
    struct limit_waiter *waiters = shard->first_waiter;
    shard->first_waiter = shard->last_waiter = NULL;
    return waiters;
}

static void clear_queue(struct limit_table *table, struct limit_shard *shard)
{
    atomic_fetch_sub(&table->queued_count, shard->queued_count);
    shard->first_queued = shard->last_queued = NULL;
    shard->queued_count = 0;
}

static struct group *new_group(struct limit_shard *shard, size_t count)
{
    struct group *group = malloc(sizeof *group + count * sizeof(struct entry));
    if (group == NULL)
        return NULL;
    group->shard = shard;
    group->waiters = NULL;
    group->count = 0;
    return group;
}

// NULL when nothing is queued, or memory is out; then everything stays queued.
static struct group *collect_queued(struct limit_table *table, struct limit_shard *shard)
{
    struct group *group = shard->queued_count > 0 ? new_group(shard, shard->queued_count) : NULL;
    if (group == NULL)
        return NULL;
    uint64_t now_ms = clock_now_ms(table->clock);
    for (struct limit_meter *meter = shard->first_queued; meter != NULL; meter = meter->write->next_queued) {
        struct entry *entry = &group->entries[group->count++];
        entry->meter = meter;
        entry->exact = meter->retiring && meter->write->waiters == 0;
        snapshot(table, entry, now_ms);
        meter->dirty = true;
        take_off(meter->write);
    }
    clear_queue(table, shard);
    group->waiters = take_waiters(shard);
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
    clear_queue(table, shard);
}

static size_t count_dirty(const struct limit_shard *shard)
{
    size_t dirty_count = 0;
    for (size_t i = 0; i < shard->bucket_count; i++)
        for (const struct limit_meter *meter = shard->buckets[i]; meter != NULL; meter = meter->next)
            dirty_count += meter->dirty;
    return dirty_count;
}

// Collects only meters that differ from the disk. At a clean stop all waiters are woken with the failure.
static struct group *collect_all(struct limit_table *table, struct limit_shard *shard)
{
    size_t dirty_count = count_dirty(shard);
    bool has_work = dirty_count > 0 || shard->first_waiter != NULL;
    struct group *group = has_work ? new_group(shard, dirty_count) : NULL;
    if (group == NULL)
        return NULL;
    uint64_t now_ms = clock_now_ms(table->clock);
    stop_queued(table, shard);
    for (size_t i = 0; i < shard->bucket_count; i++) {
        for (struct limit_meter *meter = shard->buckets[i]; meter != NULL; meter = meter->next) {
            if (!meter->dirty)
                continue;
            struct entry *entry = &group->entries[group->count++];
            entry->meter = meter;
            entry->exact = true;
            snapshot(table, entry, now_ms);
        }
    }
    group->waiters = take_waiters(shard);
    return group;
}

static struct limit_write_batch *collect(struct limit_table *table, bool stopping)
{
    struct limit_write_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->stopping = stopping;
    for (size_t i = 0; i < LIMIT_SHARD_COUNT; i++) {
        struct limit_shard *shard = &table->shards[i];
        pthread_mutex_lock(&shard->mutex);
        struct group *group = stopping ? collect_all(table, shard) : collect_queued(table, shard);
        if (group != NULL)
            shard->records += group->count;
        pthread_mutex_unlock(&shard->mutex);
        if (group == NULL)
            continue;
        batch->groups[batch->group_count++] = group;
        batch->count += group->count;
    }
    if (batch->group_count > 0)
        return batch;
    free(batch);
    return NULL;
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
    const struct entry *entry = &batch->groups[at]->entries[n];
    *name = slice_make(entry->meter->name, entry->meter->name_size);
    *record = &entry->record;
    *empty = entry->empty;
}

// --- ending

// After a failed commit nobody knows which record is on disk. Both cover what is left, because R' was at least that.
static void end_meter(const struct entry *entry, bool committed)
{
    struct limit_meter *meter = entry->meter;
    struct limit_write *write = meter->write;
    write->in_flight = false;
    meter->uncertain = !committed;
    if (!committed)
        return;
    if (limit_is_rate_of_record(meter, &entry->record))
        meter->left = entry->record.reserved - limit_min(entry->record.reserved, write->spent);
    meter->durable_ms = entry->record.t_ms;
    limit_note_record(meter);
}

static void end_stopped(const struct entry *entry, bool committed)
{
    entry->meter->uncertain = !committed;
    entry->meter->dirty = !committed;
}

static void end_group(const struct group *group, bool stopped, bool committed)
{
    pthread_mutex_lock(&group->shard->mutex);
    for (size_t i = 0; i < group->count; i++) {
        if (stopped)
            end_stopped(&group->entries[i], committed);
        else
            end_meter(&group->entries[i], committed);
    }
    pthread_mutex_unlock(&group->shard->mutex);
}

// Each shard's waiters are in the order of arrival; a waiter for meters of several shards is in one of their queues.
static struct limit_waiter *take_first_waiter(struct limit_write_batch *batch)
{
    struct group *first = NULL;
    for (size_t i = 0; i < batch->group_count; i++) {
        struct group *group = batch->groups[i];
        if (group->waiters != NULL && (first == NULL || group->waiters->number < first->waiters->number))
            first = group;
    }
    struct limit_waiter *waiter = first != NULL ? first->waiters : NULL;
    if (waiter != NULL)
        first->waiters = waiter->next;
    return waiter;
}

// A waiter belongs to its owner again as soon as it is woken.
static void wake_all(struct limit_write_batch *batch, enum status status)
{
    struct limit_waiter *waiter = NULL;
    while ((waiter = take_first_waiter(batch)) != NULL) {
        waiter->next = NULL;
        waiter->woken = true; // it asks again before anybody new
        waiter->wake(waiter, status);
    }
}

// --- waiters that came while the commit was under way

// Is there enough for most of those who wait for this meter, or nothing that a commit could give them? A waiter that
// turns out to be short has a place in the next commit, so nobody waits for more than two.
static bool is_ready(const struct limit_table *table, struct limit_meter *meter)
{
    const struct limit_write *write = meter->write;
    if (write->waiters == 0)
        return true;
    if (write->spanning || meter->owes || !limit_is_same_rate(meter, write->amount, write->burst))
        return false;
    const struct limit_algorithm_functions *functions = limit_meter_functions(meter);
    struct limit_rate rate = limit_meter_rate(table, meter);
    rate.amount = write->amount;
    functions->sync(&meter->state, &rate, meter->t_ms); // it may have been asked about with another limit since
    uint64_t most = limit_min(write->wanted, functions->remaining(&meter->state, &rate, meter->t_ms));
    return limit_is_window_durable(table, meter) && meter->left >= most - most / 2;
}

static bool are_all_ready(const struct limit_table *table, const struct limit_shard *shard)
{
    bool ready = shard->first_waiter != NULL;
    for (struct limit_meter *meter = shard->first_queued; ready && meter != NULL; meter = meter->write->next_queued)
        ready = is_ready(table, meter);
    return ready;
}

// Takes everybody's place away. What stays in the queue is only fetched ahead.
static void give_up_places(struct limit_table *table, struct limit_shard *shard)
{
    struct limit_meter *meter = shard->first_queued, *next = NULL;
    clear_queue(table, shard);
    for (; meter != NULL; meter = next) {
        struct limit_write *write = meter->write;
        uint64_t reservation = limit_reservation(meter->amount);
        bool stays = meter->retiring || write->behind || write->waiters == 0 ||
                     (reservation > 1 && meter->left <= reservation / 2);
        next = write->next_queued;
        write->queued = false;
        write->waiters = write->wanted = 0;
        if (stays)
            limit_write_queue(table, shard, meter);
        else
            limit_write_close(meter);
    }
}

// Wakes the waiters that have a place in the next commit, when this commit has brought what they wait for, or when the
// limit is used up and the next commit would bring them nothing.
static void wake_late(struct limit_table *table, struct limit_write_batch *batch)
{
    for (size_t i = 0; i < batch->group_count; i++) {
        struct group *group = batch->groups[i];
        pthread_mutex_lock(&group->shard->mutex);
        if (are_all_ready(table, group->shard)) {
            group->waiters = take_waiters(group->shard);
            give_up_places(table, group->shard);
        }
        pthread_mutex_unlock(&group->shard->mutex);
    }
    wake_all(batch, STATUS_OK);
}

// May the meter leave memory now? Not when somebody has asked for it meanwhile.
static bool may_forget(const struct entry *entry)
{
    const struct limit_meter *meter = entry->meter;
    return entry->exact && meter->retiring && !meter->uncertain && limit_meter_is_idle(meter);
}

// From now on newcomers may spend what the woken waiters have left.
static void end_serving(const struct group *group)
{
    pthread_mutex_lock(&group->shard->mutex);
    for (size_t i = 0; i < group->count; i++) {
        struct limit_meter *meter = group->entries[i].meter;
        meter->write->serving = false;
        meter->write->served = 0;
        meter->write->in_batch = false;
        limit_write_close(meter);
        if (may_forget(&group->entries[i]))
            limit_table_forget(group->shard, meter);
    }
    pthread_mutex_unlock(&group->shard->mutex);
}

void limit_write_batch_end(struct limit_table *table, struct limit_write_batch *batch, enum status status,
                           uint64_t durable_ms)
{
    bool committed = status == STATUS_OK;
    if (committed)
        limit_note_durable(table, durable_ms);
    else
        atomic_store(&table->failing, true);
    for (size_t i = 0; i < batch->group_count; i++)
        end_group(batch->groups[i], batch->stopping, committed);
    bool may_go_on = (committed || table->relaxed_on_failure) && !batch->stopping;
    wake_all(batch, may_go_on ? STATUS_OK : STATUS_UNAVAILABLE);
    if (committed && !batch->stopping)
        wake_late(table, batch);
    for (size_t i = 0; i < batch->group_count; i++) {
        if (!batch->stopping)
            end_serving(batch->groups[i]);
        free(batch->groups[i]);
    }
    free(batch);
}
