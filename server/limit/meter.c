#include <assert.h>
#include <stdlib.h>

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

// Is there not enough for this call and for all who came before it? Then it waits behind them; else nobody loses by it,
// and those who wait for the disk do not make everybody wait.
static bool would_take_from_others(const struct limit_part *part)
{
    const struct limit_meter *meter = part->meter;
    const struct limit_write *write = meter->write;
    if (write == NULL || (write->waiters == 0 && !write->serving))
        return false;
    uint64_t wanted = limit_add(part->cost, limit_add(write->wanted, write->served));
    return wanted > meter->left || wanted > part->functions->remaining(&meter->state, &part->rule, meter->t_ms);
}

static bool is_part_short(const struct limit_decision *d, const struct limit_part *part)
{
    const struct limit_meter *meter = part->meter;
    if (!limit_is_same_rate(meter, part->rule.amount, part->rule.burst))
        return true;
    if (part->cost > meter->left || !is_window_durable(d, meter))
        return true;
    return !d->woken && would_take_from_others(part);
}

static bool is_relaxed(const struct limit_decision *d)
{
    return d->table->relaxed || d->call->relaxed ||
           (d->table->relaxed_on_failure && atomic_load_explicit(&d->table->failing, memory_order_relaxed));
}

// With R = 1 the write is the charge, and nothing can be fetched ahead of it.
static bool wants_prefetch(const struct limit_decision *d, const struct limit_meter *meter)
{
    uint64_t reservation = limit_reservation(meter->amount);
    if (meter->write != NULL && (meter->write->in_flight || meter->write->queued))
        return false;
    return meter->left <= reservation / 2 && (reservation > 1 || is_relaxed(d));
}

// --- the verdict

enum limit_verdict limit_judge(const struct limit_decision *d)
{
    bool fits = true;
    for (size_t i = 0; i < d->part_count; i++) {
        if (limit_is_too_costly(&d->parts[i]))
            return LIMIT_TOO_COSTLY;
        fits = fits && d->parts[i].fits;
    }
    return fits ? LIMIT_ADMITTED : LIMIT_DENIED;
}

bool limit_is_short(const struct limit_decision *d)
{
    if (is_relaxed(d))
        return false;
    for (size_t i = 0; i < d->part_count; i++)
        if (is_part_short(d, &d->parts[i]))
            return true;
    return false;
}

// --- waiting

void limit_number_waiter(const struct limit_decision *d, struct limit_waiter *waiter)
{
    if (!d->woken)
        waiter->number = atomic_fetch_add(&d->table->waiter_count, 1);
}

void limit_append_waiter(struct limit_shard *shard, struct limit_waiter *waiter)
{
    waiter->next = NULL;
    if (shard->last_waiter != NULL)
        shard->last_waiter->next = waiter;
    else
        shard->first_waiter = waiter;
    shard->last_waiter = waiter;
}

bool limit_open_places(struct limit_decision *d)
{
    bool opened = true;
    for (size_t i = 0; i < d->part_count && opened; i++)
        opened = limit_write_open(d->parts[i].meter);
    for (size_t i = 0; i < d->part_count && !opened; i++)
        limit_write_close(d->parts[i].meter);
    return opened;
}

static void note_first(struct limit_write *write, const struct limit_rule *rule, uint64_t number)
{
    if (write->waiters > 0 && write->first < number)
        return;
    write->first = number;
    write->amount = rule->amount;
    write->burst = rule->burst;
}

void limit_take_places(struct limit_decision *d, const struct limit_waiter *waiter)
{
    for (size_t i = 0; i < d->part_count; i++) {
        struct limit_write *write = d->parts[i].meter->write;
        note_first(write, &d->parts[i].rule, waiter->number);
        write->wanted = limit_add(write->wanted, d->parts[i].cost);
        write->waiters++;
        limit_write_queue(d->table, d->shard, d->parts[i].meter);
    }
    d->shard->waits++;
}

// Who waits for one meter holds a place at all that it needs, so that nobody takes from the others what it will ask for
// when it is woken.
static enum limit_verdict wait(struct limit_decision *d, struct limit_waiter *waiter)
{
    if (!limit_open_places(d))
        return LIMIT_NO_MEMORY;
    limit_number_waiter(d, waiter);
    limit_take_places(d, waiter);
    limit_append_waiter(d->shard, waiter);
    return LIMIT_WAIT;
}

// --- spending

void limit_spend(struct limit_decision *d)
{
    for (size_t i = 0; i < d->part_count; i++) {
        struct limit_part *part = &d->parts[i];
        struct limit_meter *meter = part->meter;
        part->functions->spend(&meter->state, &part->rule, meter->t_ms, part->cost);
        part->from_left = limit_min(meter->left, part->cost); // less than the cost: relaxed, or about to be unspent
        meter->left -= part->from_left;
    }
}

void limit_unspend(struct limit_decision *d)
{
    for (size_t i = 0; i < d->part_count; i++) {
        struct limit_part *part = &d->parts[i];
        struct limit_meter *meter = part->meter;
        struct limit_spent now = {.t_ms = UINT64_MAX, .cost = part->cost, .amount = part->rule.amount};
        (void)part->functions->refund(&meter->state, &part->rule, meter->t_ms, &now);
        meter->left += part->from_left;
    }
}

// A relaxed call does not take away what is being set aside for those who wait.
static bool may_take_rule(const struct limit_part *part)
{
    const struct limit_write *write = part->meter->write;
    return limit_is_same_rate(part->meter, part->rule.amount, part->rule.burst) || write == NULL ||
           (write->waiters == 0 && !write->serving);
}

// Everything is spent before anything is queued: a snapshot must never see one limit charged and the other not.
void limit_confirm(struct limit_decision *d)
{
    for (size_t i = 0; i < d->part_count; i++) {
        struct limit_meter *meter = d->parts[i].meter;
        meter->dirty = true;
        if (may_take_rule(&d->parts[i]))
            limit_take_rule(meter, &d->parts[i].rule);
        if (meter->write != NULL && meter->write->in_flight)
            meter->write->spent = limit_add(meter->write->spent, d->parts[i].cost);
        if (wants_prefetch(d, meter) && limit_write_open(meter)) // without memory: the next call tries again
            limit_write_queue(d->table, d->shard, meter);
        if (meter->write != NULL)
            meter->write->behind |= d->parts[i].from_left < d->parts[i].cost;
    }
}

// --- the decision

static enum limit_verdict decide_metered(struct limit_decision *d, struct limit_waiter *waiter)
{
    if (!limit_gather(d))
        return LIMIT_ABSENT;
    if (!limit_sync_parts(d))
        return LIMIT_NO_MEMORY;
    d->answer->verdict = limit_judge(d);
    if (d->answer->verdict == LIMIT_ADMITTED && !d->call->peek) {
        if (limit_is_short(d))
            return wait(d, waiter);
        limit_spend(d);
        limit_confirm(d);
    }
    limit_answer_views(d);
    return d->answer->verdict;
}

// The charge is looked up at every try: of two calls that wait for the same one, the second is answered as the first.
static enum limit_verdict decide_named(struct limit_decision *d, struct limit_waiter *waiter)
{
    const struct limit_kept *made = limit_charge_find(d->table, d->shard, d->call);
    if (made != NULL)
        return limit_answer_again(d, made);
    struct limit_kept *kept = limit_charge_new(d->table, d->shard, d->call);
    if (kept == NULL)
        return LIMIT_NO_MEMORY;
    enum limit_verdict verdict = decide_metered(d, waiter);
    if (verdict == LIMIT_ADMITTED) {
        limit_charge_note(d->table, kept, d->call, d->answer);
        limit_charge_keep(d->shard, kept);
    } else {
        free(kept);
    }
    return verdict;
}

static enum limit_verdict decide_locked(struct limit_decision *d, struct limit_waiter *waiter)
{
    d->shard->decisions++;
    d->answer->now_ms = clock_now_ms(d->table->clock);
    d->answer->generation = d->shard->generation;
    return limit_names_charge(d->call) ? decide_named(d, waiter) : decide_metered(d, waiter);
}

// Only the members that say how much of it is there: the arrays are large.
void limit_answer_clear(struct limit_answer *answer)
{
    answer->retry_after_ms = 0;
    answer->view_count = 0;
    answer->binding = 0;
    answer->charge = 0;
    answer->repeated = false;
    answer->generation = 0;
    answer->absent_count = 0;
}

void limit_decision_init(struct limit_decision *d, struct limit_table *table, const struct limit_call *call,
                         struct limit_answer *answer)
{
    d->table = table;
    d->call = call;
    d->answer = answer;
    d->part_count = d->charged_count = 0;
    limit_answer_clear(answer);
}

// A woken waiter is marked by pointing to itself (limit_settle).
bool limit_take_woken(struct limit_waiter *waiter)
{
    bool woken = waiter != NULL && waiter->next == waiter;
    if (waiter != NULL)
        waiter->next = NULL;
    return woken;
}

void limit_note_use(struct limit_table *table)
{
    if (!atomic_load_explicit(&table->in_use, memory_order_relaxed))
        atomic_store(&table->in_use, true);
}

void limit_decide(struct limit_table *table, const struct limit_call *call, struct limit_waiter *waiter,
                  struct limit_answer *answer)
{
    assert(call->peek || waiter != NULL);
    struct limit_decision d;
    limit_decision_init(&d, table, call, answer);
    d.woken = limit_take_woken(waiter);
    limit_note_use(table);
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
