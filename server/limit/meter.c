#include <assert.h>

#include "limit/decision.h"

// --- one meter

// Rule F of LIMITS: a window is spent from only when a time inside it is on disk. Otherwise a crash after the wall
// clock was set back could bring the window before it to life again.
static bool is_window_durable(const struct limit_decision *d, const struct limit_meter *meter)
{
    if (meter->algorithm != LIMIT_FIXED_WINDOW)
        return true;
    return limit_max(atomic_load(&d->table->durable_ms), meter->durable_ms) >= meter->state.fixed.begin_ms;
}

static bool has_others_waiting(const struct limit_meter *meter)
{
    return meter->write != NULL && (meter->write->waiters > 0 || meter->write->serving);
}

static bool is_short(const struct limit_decision *d, const struct limit_part *part)
{
    if (d->table->relaxed)
        return false;
    if (part->cost > part->meter->left || !is_window_durable(d, part->meter))
        return true;
    return !d->woken && has_others_waiting(part->meter);
}

static void spend(const struct limit_part *part)
{
    struct limit_meter *meter = part->meter;
    part->functions->spend(&meter->state, &part->rule, meter->t_ms, part->cost);
    meter->left -= limit_min(meter->left, part->cost); // less than the cost only when relaxed
    meter->dirty = true;
    if (meter->write != NULL && meter->write->in_flight)
        meter->write->spent = limit_add(meter->write->spent, part->cost);
}

// With R = 1 the write is the charge, and nothing can be fetched ahead of it.
static bool wants_prefetch(const struct limit_decision *d, const struct limit_meter *meter)
{
    uint64_t reservation = limit_reservation(meter->amount);
    if (meter->write != NULL && (meter->write->in_flight || meter->write->queued))
        return false;
    return meter->left <= reservation / 2 && (reservation > 1 || d->table->relaxed);
}

// --- the verdict

static void append_waiter(struct limit_shard *shard, struct limit_waiter *waiter)
{
    waiter->next = NULL;
    if (shard->last_waiter != NULL)
        shard->last_waiter->next = waiter;
    else
        shard->first_waiter = waiter;
    shard->last_waiter = waiter;
}

static bool open_writes(struct limit_decision *d)
{
    bool opened = true;
    for (size_t i = 0; i < d->part_count && opened; i++)
        opened = limit_write_open(d->parts[i].meter);
    for (size_t i = 0; i < d->part_count && !opened; i++)
        limit_write_close(d->parts[i].meter);
    return opened;
}

// Who waits for one meter holds a place at all that it needs, so that nobody takes from the others what it will ask for
// when it is woken: nobody waits twice, unless a window ends in the meantime or the disk fails.
static enum limit_verdict wait(struct limit_decision *d, struct limit_waiter *waiter)
{
    if (!open_writes(d))
        return LIMIT_NO_MEMORY;
    for (size_t i = 0; i < d->part_count; i++) {
        struct limit_write *write = d->parts[i].meter->write;
        write->wanted = limit_add(write->wanted, d->parts[i].cost);
        write->waiters++;
        limit_write_queue(d->table, d->shard, d->parts[i].meter);
    }
    append_waiter(d->shard, waiter);
    d->shard->waits++;
    return LIMIT_WAIT;
}

// Everything is spent before anything is queued: a snapshot must never see one limit charged and the other not.
static enum limit_verdict admit(struct limit_decision *d)
{
    for (size_t i = 0; i < d->part_count; i++)
        spend(&d->parts[i]);
    for (size_t i = 0; i < d->part_count; i++) {
        struct limit_meter *meter = d->parts[i].meter;
        if (wants_prefetch(d, meter) && limit_write_open(meter)) // without memory: the next call tries again
            limit_write_queue(d->table, d->shard, meter);
    }
    return LIMIT_ADMITTED;
}

static enum limit_verdict judge(struct limit_decision *d, struct limit_waiter *waiter)
{
    bool too_costly = false, denied = false, must_wait = false;
    for (size_t i = 0; i < d->part_count; i++) {
        const struct limit_part *part = &d->parts[i];
        too_costly = too_costly || limit_is_too_costly(part);
        denied = denied || !part->fits;
        must_wait = must_wait || is_short(d, part);
    }
    if (too_costly)
        return LIMIT_TOO_COSTLY;
    if (denied)
        return LIMIT_DENIED;
    if (d->call->peek)
        return LIMIT_ADMITTED;
    return must_wait ? wait(d, waiter) : admit(d);
}

static enum limit_verdict decide_locked(struct limit_decision *d, struct limit_waiter *waiter)
{
    d->shard->decisions++;
    d->answer->now_ms = clock_now_ms(d->table->clock);
    d->answer->generation = d->shard->generation;
    if (!limit_gather(d))
        return LIMIT_ABSENT;
    if (!limit_sync_parts(d))
        return LIMIT_NO_MEMORY;
    d->answer->verdict = judge(d, waiter);
    if (d->answer->verdict == LIMIT_ADMITTED || d->answer->verdict == LIMIT_DENIED ||
        d->answer->verdict == LIMIT_TOO_COSTLY)
        limit_answer_views(d);
    return d->answer->verdict;
}

// Only the members that say how much of the answer is there: the arrays are large.
static void clear(struct limit_answer *answer)
{
    answer->retry_after_ms = 0;
    answer->view_count = 0;
    answer->binding = 0;
    answer->charge = 0;
    answer->generation = 0;
    answer->absent_count = 0;
}

// A woken waiter is marked by pointing to itself (limit_settle).
static bool take_woken(struct limit_waiter *waiter)
{
    bool woken = waiter != NULL && waiter->next == waiter;
    if (waiter != NULL)
        waiter->next = NULL;
    return woken;
}

static void note_use(struct limit_table *table)
{
    if (!atomic_load_explicit(&table->in_use, memory_order_relaxed))
        atomic_store(&table->in_use, true);
}

void limit_decide(struct limit_table *table, const struct limit_call *call, struct limit_waiter *waiter,
                  struct limit_answer *answer)
{
    assert(call->peek || waiter != NULL);
    struct limit_decision d;
    d.table = table;
    d.call = call;
    d.answer = answer;
    d.part_count = d.charged_count = 0;
    clear(answer);
    d.woken = take_woken(waiter);
    note_use(table);
    answer->charge = limit_find_undeclared(call);
    if (answer->charge < call->charge_count) {
        answer->now_ms = clock_now_ms(table->clock);
        answer->verdict = LIMIT_UNDECLARED;
        answer->write_wanted = false;
    } else {
        answer->charge = 0;
        d.shard = limit_table_shard(table, call->owner);
        pthread_mutex_lock(&d.shard->mutex);
        answer->verdict = decide_locked(&d, waiter);
        answer->write_wanted = limit_write_wanted(table);
        if (d.woken && answer->verdict == LIMIT_ABSENT)
            waiter->next = waiter;             // keeps its place for the next try
        pthread_mutex_unlock(&d.shard->mutex); // from here on somebody who waits may be woken, and his answer be gone
    }
}
