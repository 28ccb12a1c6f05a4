// The steps of one call's attempt: find its meters, see whether it fits all of them, spend, give back, wait.
//
// The problem: a call may count on several limits, and either all of them are charged or none. So a call is first taken
// apart into parts, one for each meter that it needs (limit_find_parts); every part is brought to the same moment
// (limit_sync_parts); then one look over all parts says whether it fits (limit_evaluate) and whether the disk has set
// enough aside for it (limit_is_short). Only then is anything changed, for all parts at once: units are spent
// (limit_spend, limit_confirm), or the call takes a place at each of its meters and waits (limit_queue). Nothing
// in this file locks: whoever decides holds the shard's lock from the first of these steps to the last (decide.c).
#include "limit/attempt.h"

void limit_attempt_init(struct limit_attempt *a, struct limit_table *table, const struct limit_call *call,
                        struct limit_answer *answer)
{
    a->table = table;
    a->shard = limit_table_shard(table, call->owner);
    a->call = call;
    a->answer = answer;
    a->part_count = a->charged_count = 0;
}

// --- what the call charges, and its meters

size_t limit_find_undeclared(const struct limit_call *call)
{
    for (size_t i = 0; i < call->charge_count; i++) {
        size_t applicable = 0;
        while (applicable < call->applicable_count &&
               !slice_equal(call->charges[i].resource, call->applicables[applicable].limit.resource))
            applicable++;
        if (applicable == call->applicable_count)
            return i;
    }
    return call->charge_count;
}

static struct limit_part *find_part(struct limit_attempt *a, const struct limit_meter *meter)
{
    for (size_t i = 0; i < a->part_count; i++)
        if (a->parts[i].meter == meter)
            return &a->parts[i];
    return NULL;
}

static struct limit_part *add_part(struct limit_attempt *a, struct limit_meter *meter,
                                   const struct limit_applicable *applicable, uint64_t cost)
{
    const struct limit *limit = &applicable->limit;
    struct limit_part *part = find_part(a, meter);
    if (part != NULL) {
        part->rate.amount = limit_min(part->rate.amount, limit->amount);
        part->rate.burst = limit_min(part->rate.burst, limit->burst);
        return part;
    }
    part = &a->parts[a->part_count++];
    *part = (struct limit_part){
        .meter = meter, .applicable = applicable, .functions = limit_meter_functions(meter), .cost = cost};
    part->shadow = limit->shadow;
    part->rate = limit_meter_rate(meter);
    part->rate.zone = limit_zone_of(a->table, applicable);
    part->rate.amount = limit->amount;
    part->rate.burst = limit->burst;
    return part;
}

// A custom subject's meter that has no record, nor one on its way, is there because somebody has looked at it, or was
// refused. Whoever charges it asks for a record that nobody has been allowed yet, as if it were absent.
static bool needs_admission(const struct limit_attempt *a, const struct limit_meter *meter)
{
    bool has_record = meter->durable_ms > 0 || meter->write != NULL;
    return meter->maker != 0 && !has_record && !meter->admitted && !a->call->peek;
}

struct limit_part *limit_add_applicable(struct limit_attempt *a, const struct limit_applicable *applicable,
                                        uint64_t cost)
{
    struct limit_lookup lookup;
    struct limit_part *part = NULL;
    if (!applicable->limit.unlimited) {
        limit_table_look(a->table, applicable, &lookup);
        struct limit_meter *meter = limit_table_find(a->shard, &lookup);
        if (meter == NULL || needs_admission(a, meter))
            a->answer->absent[a->answer->absent_count++] = applicable;
        else
            part = add_part(a, meter, applicable, cost);
    }
    a->charged[a->charged_count] = applicable;
    a->part_of[a->charged_count++] = part;
    return part;
}

// A peek without charges looks at every limit that applies.
bool limit_find_parts(struct limit_attempt *a)
{
    bool looks_at_all = a->call->peek && a->call->charge_count == 0;
    for (size_t i = 0; i < a->call->applicable_count && i < LIMIT_APPLICABLE_MAX; i++) {
        const struct limit_applicable *applicable = &a->call->applicables[i];
        uint64_t cost = limit_cost_of(a->call, applicable->limit.resource);
        if (cost > 0 || looks_at_all)
            (void)limit_add_applicable(a, applicable, cost);
    }
    for (size_t i = 0; i < a->part_count && a->answer->absent_count == 0; i++)
        a->parts[i].meter->admitted = false;
    return a->answer->absent_count == 0;
}

// --- bringing them to now

static bool reserve_counters(struct limit_attempt *a, struct limit_part *part)
{
    if (part->functions->reserve == NULL)
        return true;
    size_t before = limit_meter_bytes(part->meter);
    bool reserved = part->functions->reserve(&part->meter->state, part->rate.amount);
    a->shard->meter_bytes += limit_meter_bytes(part->meter) - before;
    return reserved;
}

bool limit_sync_parts(struct limit_attempt *a)
{
    for (size_t i = 0; i < a->part_count; i++)
        if (!reserve_counters(a, &a->parts[i]))
            return false;
    for (size_t i = 0; i < a->part_count; i++) {
        struct limit_part *part = &a->parts[i];
        struct limit_meter *meter = part->meter;
        meter->t_ms = limit_max(meter->t_ms, a->answer->now_ms);
        meter->retiring = false;
        bool is_rezoned = meter->algorithm == LIMIT_FIXED_WINDOW && meter->state.fixed.zone != part->rate.zone;
        part->functions->sync(&meter->state, &part->rate, meter->t_ms);
        if (is_rezoned)
            limit_note_rezoned(a->table, a->shard, meter);
        if ((meter->superseded || meter->shared) && !limit_carry_over(a, part))
            return false;
        part->fits = limit_part_fits(part);
        // What no limit refuses, a shadow counts as a limit would.
        part->spends = !part->shadow || a->call->mode != LIMIT_CONSUME || (part->fits && !limit_is_too_costly(part));
    }
    return true;
}

// --- the verdict

// Is there not enough for this call and for all who came before it? Then it waits behind them. Otherwise it may go on:
// nobody loses by that, and callers that wait for the disk do not make everybody wait.
static bool would_take_from_others(const struct limit_part *part)
{
    const struct limit_meter *meter = part->meter;
    const struct limit_write *write = meter->write;
    if (limit_meter_is_idle(meter) || (write->waiters == 0 && !write->serving))
        return false;
    uint64_t wanted = limit_add(part->cost, limit_add(write->wanted, write->served));
    return wanted > meter->left || wanted > part->functions->remaining(&meter->state, &part->rate, meter->t_ms);
}

static bool is_part_short(const struct limit_attempt *a, const struct limit_part *part)
{
    const struct limit_meter *meter = part->meter;
    if (!limit_is_same_rate(meter, part->rate.amount, part->rate.burst))
        return true;
    if (part->cost > meter->left || !limit_is_window_durable(a->table, meter))
        return true;
    return !a->woken && would_take_from_others(part);
}

bool limit_is_relaxed(const struct limit_attempt *a)
{
    return a->table->relaxed || a->call->relaxed ||
           (a->table->relaxed_on_failure && atomic_load_explicit(&a->table->failing, memory_order_relaxed));
}

// With R = 1 every unit takes a write of its own, so nothing can be fetched ahead. Nobody waits for a shadow's writes:
// they come behind.
static bool wants_prefetch(const struct limit_attempt *a, const struct limit_part *part)
{
    const struct limit_meter *meter = part->meter;
    uint64_t reservation = limit_reservation(meter->amount);
    if (!limit_meter_is_idle(meter) && (meter->write->in_flight || meter->write->queued))
        return false;
    return meter->left <= reservation / 2 && (reservation > 1 || part->shadow || limit_is_relaxed(a));
}

enum limit_verdict limit_evaluate(const struct limit_attempt *a)
{
    bool fits = true;
    for (size_t i = 0; i < a->part_count; i++) {
        if (a->parts[i].shadow)
            continue;
        if (limit_is_too_costly(&a->parts[i]))
            return LIMIT_TOO_COSTLY;
        fits = fits && a->parts[i].fits;
    }
    return fits ? LIMIT_ADMITTED : LIMIT_DENIED;
}

bool limit_is_short(const struct limit_attempt *a)
{
    if (limit_is_relaxed(a))
        return false;
    for (size_t i = 0; i < a->part_count; i++)
        if (!a->parts[i].shadow && is_part_short(a, &a->parts[i]))
            return true;
    return false;
}

// --- waiting

bool limit_take_woken(struct limit_waiter *waiter)
{
    bool woken = waiter != NULL && waiter->woken;
    if (waiter != NULL)
        waiter->woken = false;
    return woken;
}

void limit_keep_woken(struct limit_waiter *waiter, bool woken, enum limit_verdict verdict)
{
    if (woken && verdict == LIMIT_ABSENT)
        waiter->woken = true;
}

static void append_waiter(struct limit_shard *shard, struct limit_waiter *waiter)
{
    waiter->next = NULL;
    if (shard->last_waiter != NULL)
        shard->last_waiter->next = waiter;
    else
        shard->first_waiter = waiter;
    shard->last_waiter = waiter;
}

void limit_owe(struct limit_attempt *a, struct limit_meter *meter, uint64_t number)
{
    meter->dirty = true;
    bool opened = limit_write_open(meter);
    limit_note_debt(meter, number);
    if (opened) // without memory: the call that waits tries again
        limit_write_queue(a->table, a->shard, meter);
}

// Allocates a place at each meter. False when memory is out.
static bool open_places(struct limit_attempt *a)
{
    bool opened = true;
    for (size_t i = 0; i < a->part_count && opened; i++)
        opened = a->parts[i].shadow || limit_write_open(a->parts[i].meter);
    if (!opened)
        a->answer->verdict = LIMIT_NO_MEMORY;
    return opened;
}

static bool open_all_places(struct limit_attempt *const *attempts, size_t count)
{
    bool opened = true;
    for (size_t i = 0; i < count && opened; i++)
        opened = open_places(attempts[i]);
    for (size_t i = 0; i < count && !opened; i++)
        for (size_t j = 0; j < attempts[i]->part_count; j++)
            limit_write_close(attempts[i]->parts[j].meter);
    return opened;
}

static void note_first(struct limit_write *write, const struct limit_rate *rate, uint64_t number)
{
    if (write->waiters > 0 && write->first < number)
        return;
    write->first = number;
    write->amount = rate->amount;
    write->burst = rate->burst;
}

static void take_places(struct limit_attempt *a, const struct limit_waiter *waiter, bool spanning)
{
    for (size_t i = 0; i < a->part_count; i++) {
        if (a->parts[i].shadow)
            continue; // nobody waits for a shadow
        struct limit_write *write = a->parts[i].meter->write;
        note_first(write, &a->parts[i].rate, waiter->number);
        write->wanted = limit_add(write->wanted, a->parts[i].cost);
        write->waiters++;
        write->spanning |= spanning;
        limit_write_queue(a->table, a->shard, a->parts[i].meter);
    }
    a->shard->waits++;
}

static bool spans_shards(struct limit_attempt *const *attempts, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (attempts[i]->shard != attempts[0]->shard)
            return true;
    return false;
}

// The waiter stands in the lowest of the attempts' shards, which limit_collect comes to first: the collection that
// takes the waiter finds the meters of the higher shards still queued and takes them with it. This fails when a
// collection under way has passed the lowest shard but not the others, or when memory is out for one of them. Then a
// meter may be short when the waiter is woken. It decides again from the top, so it only waits once more.
enum limit_verdict limit_queue(struct limit_attempt *const *attempts, size_t count, struct limit_waiter *waiter)
{
    struct limit_shard *lowest = NULL;
    bool spanning = spans_shards(attempts, count);
    if (!open_all_places(attempts, count))
        return LIMIT_NO_MEMORY;
    if (!attempts[0]->woken) // else it keeps the number of its first try
        waiter->number = atomic_fetch_add(&attempts[0]->table->waiter_count, 1);
    for (size_t i = 0; i < count; i++) {
        struct limit_attempt *a = attempts[i];
        if (a->part_count == 0) // charged before, or unlimited: its shard may have nothing to collect
            continue;
        take_places(a, waiter, spanning);
        if (lowest == NULL || a->shard < lowest)
            lowest = a->shard;
    }
    append_waiter(lowest, waiter);
    return LIMIT_WAIT;
}

// --- spending

void limit_spend(struct limit_attempt *a)
{
    for (size_t i = 0; i < a->part_count; i++) {
        struct limit_part *part = &a->parts[i];
        struct limit_meter *meter = part->meter;
        if (!part->spends)
            continue;
        part->functions->spend(&meter->state, &part->rate, meter->t_ms, part->cost);
        part->from_left = limit_min(meter->left, part->cost); // below the cost when relaxed, or about to be unspent
        meter->left -= part->from_left;
    }
}

void limit_unspend(struct limit_attempt *a)
{
    for (size_t i = 0; i < a->part_count; i++) {
        struct limit_part *part = &a->parts[i];
        struct limit_meter *meter = part->meter;
        if (!part->spends)
            continue;
        struct limit_spent now = {.t_ms = UINT64_MAX, .cost = part->cost, .amount = part->rate.amount};
        (void)part->functions->refund(&meter->state, &part->rate, meter->t_ms, &now);
        meter->left += part->from_left;
    }
}

// A relaxed call must not change the rate under which units are being set aside for waiters.
static bool may_take_rate(const struct limit_part *part)
{
    const struct limit_write *write = part->meter->write;
    return limit_is_same_rate(part->meter, part->rate.amount, part->rate.burst) || limit_meter_is_idle(part->meter) ||
           (write->waiters == 0 && !write->serving);
}

// Everything is spent before anything is queued: a snapshot must never see one limit charged and the other not.
void limit_confirm(struct limit_attempt *a)
{
    for (size_t i = 0; i < a->part_count; i++) {
        struct limit_meter *meter = a->parts[i].meter;
        if (!a->parts[i].spends)
            continue;
        meter->dirty = true;
        limit_note_magnitude(meter, &a->parts[i].rate, a->call->maker);
        if (may_take_rate(&a->parts[i]))
            limit_take_rate(meter, &a->parts[i].rate);
        if (!limit_meter_is_idle(meter) && meter->write->in_flight)
            meter->write->spent = limit_add(meter->write->spent, a->parts[i].cost);
        if (wants_prefetch(a, &a->parts[i]) && limit_write_open(meter)) // without memory: the next call tries again
            limit_write_queue(a->table, a->shard, meter);
        if (!limit_meter_is_idle(meter))
            meter->write->behind |= a->parts[i].from_left < a->parts[i].cost;
    }
}
