#include <assert.h>

#include "limit/table.h"

// One meter of a call. Terms that share a meter share a part: it is charged once, and obeys the smaller limit.
struct part {
    struct limit_meter *meter;
    const struct limit_algorithm_functions *functions;
    struct limit_rule rule;
    uint64_t cost;
    bool fits;
};

struct decision {
    struct limit_table *table;
    struct limit_shard *shard;
    const struct limit_call *call;
    struct limit_answer *answer;
    bool woken; // has waited already: comes before those who have not
    struct part parts[LIMIT_TERMS_MAX];
    size_t part_count;
    const struct limit_term *charged[LIMIT_TERMS_MAX];
    struct part *part_of[LIMIT_TERMS_MAX]; // of the n-th charged term; NULL for an unlimited one
    size_t charged_count;
};

// --- what is charged

// The first charge whose resource no term declares; charge_count when there is none.
static size_t find_undeclared(const struct limit_call *call)
{
    for (size_t i = 0; i < call->charge_count; i++) {
        size_t term = 0;
        while (term < call->term_count && !slice_equal(call->charges[i].resource, call->terms[term].limit.resource))
            term++;
        if (term == call->term_count)
            return i;
    }
    return call->charge_count;
}

// The sum of the charges on a resource, at most 2^64 - 1; 0 when nothing is charged.
static uint64_t cost_of(const struct limit_call *call, struct slice resource)
{
    uint64_t cost = 0;
    for (size_t i = 0; i < call->charge_count; i++)
        if (slice_equal(call->charges[i].resource, resource))
            cost = limit_add(cost, limit_max(1, call->charges[i].cost));
    return cost;
}

static struct part *find_part(struct decision *d, const struct limit_meter *meter)
{
    for (size_t i = 0; i < d->part_count; i++)
        if (d->parts[i].meter == meter)
            return &d->parts[i];
    return NULL;
}

static struct part *add_part(struct decision *d, struct limit_meter *meter, const struct limit *limit, uint64_t cost)
{
    struct part *part = find_part(d, meter);
    if (part != NULL) {
        part->rule.amount = limit_min(part->rule.amount, limit->amount);
        part->rule.burst = limit_min(part->rule.burst, limit->burst);
        return part;
    }
    part = &d->parts[d->part_count++];
    *part = (struct part){.meter = meter, .functions = limit_meter_functions(meter), .cost = cost};
    part->rule = limit_meter_rule(d->table, meter);
    part->rule.amount = limit->amount;
    part->rule.burst = limit->burst;
    return part;
}

// Finds the meter of every charged term. False: some are absent, and the answer says which.
static bool gather(struct decision *d)
{
    struct limit_lookup lookup;
    for (size_t i = 0; i < d->call->term_count && i < LIMIT_TERMS_MAX; i++) {
        const struct limit_term *term = &d->call->terms[i];
        uint64_t cost = cost_of(d->call, term->limit.resource);
        if (cost == 0)
            continue;
        struct part *part = NULL;
        if (!term->limit.unlimited) {
            limit_table_look(d->table, term, &lookup);
            struct limit_meter *meter = limit_table_find(d->shard, &lookup);
            if (meter == NULL)
                d->answer->absent[d->answer->absent_count++] = term;
            else
                part = add_part(d, meter, &term->limit, cost);
        }
        d->charged[d->charged_count] = term;
        d->part_of[d->charged_count++] = part;
    }
    return d->answer->absent_count == 0;
}

// --- one meter

static bool reserve_counters(struct decision *d, struct part *part)
{
    if (part->functions->reserve == NULL)
        return true;
    size_t before = limit_meter_bytes(part->meter);
    bool reserved = part->functions->reserve(&part->meter->state, part->rule.amount);
    d->shard->meter_bytes += limit_meter_bytes(part->meter) - before;
    return reserved;
}

// Brings every meter to now and to today's limit. False when memory is out.
static bool sync_parts(struct decision *d)
{
    for (size_t i = 0; i < d->part_count; i++)
        if (!reserve_counters(d, &d->parts[i]))
            return false;
    for (size_t i = 0; i < d->part_count; i++) {
        struct part *part = &d->parts[i];
        struct limit_meter *meter = part->meter;
        meter->t_ms = limit_max(meter->t_ms, d->answer->now_ms);
        meter->amount = part->rule.amount;
        meter->burst = part->rule.burst;
        meter->retiring = false;
        part->functions->sync(&meter->state, &part->rule, meter->t_ms);
        part->fits = part->functions->fits(&meter->state, &part->rule, meter->t_ms, part->cost);
    }
    return true;
}

static bool is_too_costly(const struct part *part)
{
    return part->cost > limit_capacity((enum limit_algorithm)part->meter->algorithm, &part->rule);
}

// Rule F of LIMITS: a window is spent from only when a time inside it is on disk. Otherwise a crash after the wall
// clock was set back could bring the window before it to life again.
static bool is_window_durable(const struct decision *d, const struct limit_meter *meter)
{
    if (meter->algorithm != LIMIT_FIXED_WINDOW)
        return true;
    return limit_max(atomic_load(&d->table->durable_ms), meter->durable_ms) >= meter->state.fixed.begin_ms;
}

static bool has_others_waiting(const struct limit_meter *meter)
{
    return meter->write != NULL && (meter->write->waiters > 0 || meter->write->serving);
}

static bool is_short(const struct decision *d, const struct part *part)
{
    if (d->table->relaxed)
        return false;
    if (part->cost > part->meter->left || !is_window_durable(d, part->meter))
        return true;
    return !d->woken && has_others_waiting(part->meter);
}

static void spend(const struct part *part)
{
    struct limit_meter *meter = part->meter;
    part->functions->spend(&meter->state, &part->rule, meter->t_ms, part->cost);
    meter->left -= limit_min(meter->left, part->cost); // less than the cost only when relaxed
    meter->dirty = true;
    if (meter->write != NULL && meter->write->in_flight)
        meter->write->spent = limit_add(meter->write->spent, part->cost);
}

// With R = 1 the write is the charge, and nothing can be fetched ahead of it.
static bool wants_prefetch(const struct decision *d, const struct limit_meter *meter)
{
    uint64_t reservation = limit_reservation(meter->amount);
    if (meter->write != NULL && (meter->write->in_flight || meter->write->queued))
        return false;
    return meter->left <= reservation / 2 && (reservation > 1 || d->table->relaxed);
}

// --- the answer

static struct limit_view view_of(const struct decision *d, size_t n)
{
    struct limit_view view = {.term = d->charged[n]};
    const struct part *part = d->part_of[n];
    if (part == NULL)
        return view;
    const union limit_state *state = &part->meter->state;
    uint64_t t = part->meter->t_ms;
    view.limit = view.term->limit.amount;
    view.remaining = part->functions->remaining(state, &part->rule, t);
    view.reset_at_ms = part->functions->reset(state, &part->rule, t);
    if (!is_too_costly(part) && !part->functions->fits(state, &part->rule, t, part->cost))
        view.retry_at_ms = part->functions->retry(state, &part->rule, t, part->cost);
    return view;
}

// Does the n-th view decide more than the `binding` one so far?
static bool binds_more(const struct decision *d, size_t n, size_t binding)
{
    const struct limit_view *views = d->answer->views;
    if (binding == 0)
        return true;
    switch (d->answer->verdict) {
    case LIMIT_DENIED:
        return views[n].retry_at_ms > views[binding - 1].retry_at_ms;
    case LIMIT_TOO_COSTLY:
        return is_too_costly(d->part_of[n]) && !is_too_costly(d->part_of[binding - 1]);
    case LIMIT_ADMITTED:
    case LIMIT_UNDECLARED:
    case LIMIT_WAIT:
    case LIMIT_ABSENT:
    case LIMIT_NO_MEMORY:
        break;
    }
    return views[n].remaining < views[binding - 1].remaining;
}

static void answer_views(struct decision *d)
{
    struct limit_answer *answer = d->answer;
    answer->view_count = d->charged_count;
    for (size_t i = 0; i < d->charged_count; i++) {
        answer->views[i] = view_of(d, i);
        if (d->part_of[i] != NULL && binds_more(d, i, answer->binding))
            answer->binding = i + 1;
        if (answer->verdict == LIMIT_DENIED && answer->views[i].retry_at_ms > answer->now_ms)
            answer->retry_after_ms = limit_max(answer->retry_after_ms, answer->views[i].retry_at_ms - answer->now_ms);
    }
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

static bool open_writes(struct decision *d)
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
static enum limit_verdict wait(struct decision *d, struct limit_waiter *waiter)
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
static enum limit_verdict admit(struct decision *d)
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

static enum limit_verdict judge(struct decision *d, struct limit_waiter *waiter)
{
    bool too_costly = false, denied = false, must_wait = false;
    for (size_t i = 0; i < d->part_count; i++) {
        const struct part *part = &d->parts[i];
        too_costly = too_costly || is_too_costly(part);
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

static enum limit_verdict decide_locked(struct decision *d, struct limit_waiter *waiter)
{
    d->shard->decisions++;
    d->answer->now_ms = clock_now_ms(d->table->clock);
    d->answer->generation = d->shard->generation;
    if (!gather(d))
        return LIMIT_ABSENT;
    if (!sync_parts(d))
        return LIMIT_NO_MEMORY;
    d->answer->verdict = judge(d, waiter);
    if (d->answer->verdict == LIMIT_ADMITTED || d->answer->verdict == LIMIT_DENIED ||
        d->answer->verdict == LIMIT_TOO_COSTLY)
        answer_views(d);
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
    struct decision d;
    d.table = table;
    d.call = call;
    d.answer = answer;
    d.part_count = d.charged_count = 0;
    clear(answer);
    d.woken = take_woken(waiter);
    note_use(table);
    answer->charge = find_undeclared(call);
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
