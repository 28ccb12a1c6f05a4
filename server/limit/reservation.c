// Reservations: sets what may be spent once the records that limit_collect has taken (collect.c) are on disk, and wakes
// who waits for that.
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

#include "limit/write_batch.h"

// --- ending

// After a failed commit nobody knows which record is on disk. Both cover what is left, because R' was at least that.
static void end_meter(const struct limit_entry *entry, bool committed)
{
    struct limit_meter *meter = entry->meter;
    struct limit_write *write = meter->write;
    write->in_flight = false;
    meter->uncertain = !committed;
    if (!committed)
        return;
    if (limit_is_rate_of_record(meter, &entry->record))
        meter->left = entry->record.reserved - limit_min(entry->record.reserved, write->spent);
    meter->durable_ms = entry->empty ? 0 : entry->record.t_ms;
    limit_note_record(meter);
}

static void end_stopped(const struct limit_entry *entry, bool committed)
{
    entry->meter->uncertain = !committed;
    entry->meter->dirty = !committed;
}

static void end_group(const struct limit_group *group, bool stopped, bool committed)
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
    struct limit_group *first = NULL;
    for (size_t i = 0; i < batch->group_count; i++) {
        struct limit_group *group = batch->groups[i];
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

static void wake_starved(struct limit_write_batch *batch)
{
    while (batch->starved != NULL) {
        struct limit_waiter *waiter = batch->starved;
        batch->starved = waiter->next;
        waiter->next = NULL;
        waiter->wake(waiter, STATUS_UNAVAILABLE);
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
    struct limit_rate rate = limit_meter_rate(meter);
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
    limit_clear_queue(table, shard);
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
        struct limit_group *group = batch->groups[i];
        pthread_mutex_lock(&group->shard->mutex);
        if (are_all_ready(table, group->shard)) {
            group->waiters = limit_take_waiters(group->shard);
            give_up_places(table, group->shard);
        }
        pthread_mutex_unlock(&group->shard->mutex);
    }
    wake_all(batch, STATUS_OK);
}

// May the meter leave memory now? Not when somebody has asked for it meanwhile.
static bool may_forget(const struct limit_entry *entry)
{
    const struct limit_meter *meter = entry->meter;
    return entry->exact && meter->retiring && !meter->uncertain && limit_meter_is_idle(meter);
}

// From now on newcomers may spend what the woken waiters have left.
static void end_serving(const struct limit_group *group)
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
    wake_starved(batch);
    bool may_go_on = (committed || table->relaxed_on_failure) && !batch->stopping;
    wake_all(batch, may_go_on ? STATUS_OK : STATUS_UNAVAILABLE);
    if (committed && !batch->stopping)
        wake_late(table, batch);
    for (size_t i = 0; i < batch->group_count; i++) {
        if (!batch->stopping)
            end_serving(batch->groups[i]);
        if (batch->groups[i] != batch->reserve)
            free(batch->groups[i]);
    }
}
