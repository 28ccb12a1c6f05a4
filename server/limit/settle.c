// Counts what work really cost: settles a charge, once; a refund settles it to nothing; an overdraw is a charge of
// nothing that is settled at once. And gives an amount back that no charge names.
//
// The problem: the charge log (charge_log.c) says what was charged under an id, but since then time has passed, limits
// may have changed, and meters may have been evicted. So this file finds the meter of every limit that was charged then
// and still applies now, and corrects what it still counts of the charge.
// Less: the algorithm takes the difference back. That writes nothing: the units become free in the meter's state, but
// are not added to what may be spent without the disk (`left`), so a crash can lose them and can never add one.
// More: if the difference fits, and the disk has set enough aside, it is spent like any charge. Otherwise it is a debt:
// the state counts it at once, also beyond the limit, so nobody is admitted on what is gone. `left` does not change,
// because the record on disk covers those units and not the debt. A crash would forget it, so the call waits until each
// of its meters has a durable record that was taken after the debt was counted; then it is answered. When the commit
// fails the debt stays, and asking again with the same id finds it in the log and waits for the next record.
// An amount: somebody was promised these units anew, so a crash must not take them away again. It is waited for as a
// debt is, though the state counts less by it, and stands in the log under its id, so that a retry gives nothing twice.
#include <assert.h>
#include <stdlib.h>

#include "limit/attempt.h"

// What becomes of the charge on one meter.
struct correction {
    uint64_t amount; // it was charged under; for a bucket it says how long a unit takes
    uint64_t to;     // what it costs now; the part says what it was charged
};

struct settlement {
    struct limit_attempt attempt;
    struct limit_logged_charge *logged;
    struct correction corrections[LIMIT_APPLICABLE_MAX]; // one for each part
    struct limit_attempt more;                           // the parts that cost more, by the difference
    uint32_t named;                                      // a bit for each charge of the call whose resource was charged
    uint64_t cost;                                       // now, of all limits that were charged
};

// --- what was charged

static uint64_t cost_now(const struct limit_call *call, struct slice resource, uint64_t then)
{
    uint64_t cost = 0;
    if (call->mode == LIMIT_REFUND)
        return 0;
    return limit_names_cost(call, resource, &cost) ? cost : then;
}

static void note_named(struct settlement *s, struct slice resource)
{
    const struct limit_call *call = s->attempt.call;
    for (size_t i = 0; i < call->charge_count; i++)
        if (slice_equal(call->charges[i].resource, resource))
            s->named |= UINT32_C(1) << i;
}

// Limits that share a meter were charged as the smaller one.
static void add_charged(struct settlement *s, const struct limit_applicable *applicable,
                        const struct limit_logged_part *then)
{
    struct limit_attempt *a = &s->attempt;
    size_t known_count = a->part_count;
    const struct limit_part *part = limit_add_applicable(a, applicable, then->cost);
    uint64_t cost = cost_now(a->call, applicable->limit.resource, then->cost);
    s->cost = limit_add(s->cost, cost);
    note_named(s, applicable->limit.resource);
    if (part == NULL)
        return;
    struct correction *correction = &s->corrections[part - a->parts];
    correction->amount = a->part_count > known_count ? then->limit : limit_min(correction->amount, then->limit);
    correction->to = then->cost > 0 ? cost : 0; // a shadow may not have counted it
}

// Finds the meters of limits that were charged and still apply. False when some are absent.
static bool find_charged_parts(struct settlement *s)
{
    struct limit_attempt *a = &s->attempt;
    uint32_t matched = 0;
    for (size_t i = 0; i < a->call->applicable_count && a->charged_count < LIMIT_APPLICABLE_MAX; i++) {
        const struct limit_applicable *applicable = &a->call->applicables[i];
        const struct limit_logged_part *then = limit_charge_log_part(a->table, s->logged, applicable, &matched);
        if (then != NULL)
            add_charged(s, applicable, then);
    }
    return a->answer->absent_count == 0;
}

// Have all resources that the call names been charged? When not all of the charge's limits apply any more, it may have
// been one of those.
static enum limit_verdict check_named(const struct settlement *s)
{
    const struct limit_attempt *a = &s->attempt;
    if (a->call->mode != LIMIT_SETTLE || s->named == (UINT32_C(1) << a->call->charge_count) - 1)
        return LIMIT_ADMITTED;
    return a->charged_count < s->logged->applicable_count ? LIMIT_WINDOW_OVER : LIMIT_OTHER_CHARGE;
}

// --- more

static bool reserve_more(struct limit_attempt *a, const struct limit_part *part, uint64_t cost)
{
    if (part->functions->reserve_more == NULL)
        return true;
    size_t before = limit_meter_bytes(part->meter);
    bool reserved = part->functions->reserve_more(&part->meter->state, cost);
    a->shard->meter_bytes += limit_meter_bytes(part->meter) - before;
    return reserved;
}

static void add_more(struct limit_attempt *more, const struct limit_part *part, uint64_t cost)
{
    struct limit_part *added = &more->parts[more->part_count++];
    *added = *part;
    added->cost = cost;
    added->fits = part->functions->fits(&part->meter->state, &part->rate, part->meter->t_ms, cost);
    added->spends = true;
}

// A bucket of the amount 0, under which a unit has no duration, counts by the last amount that it had.
static void count_debt(struct limit_attempt *more, const struct limit_part *part, uint64_t number)
{
    struct limit_meter *meter = part->meter;
    struct limit_rate rate = part->rate;
    rate.amount = limit_max(rate.amount, 1);
    part->functions->spend(&meter->state, &rate, meter->t_ms, part->cost);
    limit_note_magnitude(meter, &part->rate, more->call->maker);
    limit_owe(more, meter, number);
}

static void take_more(struct settlement *s)
{
    struct limit_attempt *more = &s->more;
    if (more->part_count == 0)
        return;
    if (limit_evaluate(more) == LIMIT_ADMITTED && !limit_is_short(more)) {
        limit_spend(more);
        limit_confirm(more);
        return;
    }
    s->logged->debt = ++more->shard->debts;
    for (size_t i = 0; i < more->part_count; i++)
        count_debt(more, &more->parts[i], s->logged->debt);
}

// --- settling

static struct limit_spent spent_of(const struct settlement *s, size_t n)
{
    uint64_t cost = s->attempt.parts[n].cost;
    return (struct limit_spent){.t_ms = s->logged->t_ms,
                                .cost = cost,
                                .kept = limit_min(s->corrections[n].to, cost),
                                .amount = s->corrections[n].amount};
}

// False when memory is out; nothing has changed yet.
static bool find_more(struct settlement *s)
{
    for (size_t i = 0; i < s->attempt.part_count; i++) {
        const struct limit_part *part = &s->attempt.parts[i];
        const struct limit_spent spent = spent_of(s, i);
        bool (*is_current)(const union limit_state *, const struct limit_rate *, const struct limit_spent *) =
            part->functions->is_current;
        if (s->corrections[i].to <= part->cost)
            continue;
        if (is_current != NULL && !is_current(&part->meter->state, &part->rate, &spent))
            continue;
        if (!reserve_more(&s->attempt, part, s->corrections[i].to - part->cost))
            return false;
        add_more(&s->more, part, s->corrections[i].to - part->cost);
    }
    return true;
}

// Adds nothing to `left`: the record on disk, with what it sets aside, counts the charge until the next record.
static bool give_back(struct settlement *s)
{
    bool given = false;
    for (size_t i = 0; i < s->attempt.part_count; i++) {
        const struct limit_part *part = &s->attempt.parts[i];
        struct limit_meter *meter = part->meter;
        const struct limit_spent spent = spent_of(s, i);
        if (spent.kept < spent.cost && part->functions->refund(&meter->state, &part->rate, meter->t_ms, &spent))
            given = meter->dirty = true;
    }
    return given;
}

static bool is_all_unlimited(const struct limit_logged_charge *logged)
{
    for (size_t i = 0; i < logged->applicable_count; i++)
        if (logged->applicables[i].limit > 0)
            return false;
    return true;
}

// Does every limit that applies cost what it was charged, and is that what was asked for?
static bool is_as_charged(const struct settlement *s)
{
    for (size_t i = 0; i < s->attempt.part_count; i++)
        if (s->corrections[i].to != s->attempt.parts[i].cost)
            return false;
    return s->attempt.call->mode == LIMIT_SETTLE;
}

static enum limit_verdict settle_now(struct settlement *s)
{
    struct limit_logged_charge *logged = s->logged;
    const struct limit_attempt *a = &s->attempt;
    if (!find_more(s))
        return LIMIT_NO_MEMORY;
    if (!give_back(s) && s->more.part_count == 0 && !is_all_unlimited(logged) && !is_as_charged(s))
        return LIMIT_WINDOW_OVER;
    take_more(s);
    logged->is_settled = a->call->mode == LIMIT_SETTLE;
    logged->settled = limit_charge_log_hash_charges(a->table, a->call);
    logged->given_back = a->call->mode == LIMIT_REFUND || (a->charged_count > 0 && s->cost == 0);
    return LIMIT_ADMITTED;
}

static bool is_settled_so(const struct settlement *s)
{
    const struct limit_attempt *a = &s->attempt;
    return a->call->mode == LIMIT_SETTLE && s->logged->is_settled &&
           s->logged->settled == limit_charge_log_hash_charges(a->table, a->call);
}

// Once.
static enum limit_verdict may_settle(const struct settlement *s)
{
    const struct limit_attempt *a = &s->attempt;
    bool is_refund = a->call->mode == LIMIT_REFUND;
    if (s->logged->mode == LIMIT_REFUND_AMOUNT)
        return LIMIT_OTHER_CHARGE;
    if (is_refund && a->call->charge_count > 0 && !limit_charge_log_is_same(a->table, s->logged, a->call))
        return LIMIT_OTHER_CHARGE;
    if (s->logged->given_back)
        return LIMIT_GIVEN_BACK;
    return s->logged->is_settled ? LIMIT_OTHER_CHARGE : LIMIT_ADMITTED;
}

static enum limit_verdict settle(struct settlement *s)
{
    if (s->logged == NULL)
        return LIMIT_NO_CHARGE;
    if (!limit_charge_log_is_of_key(s->attempt.table, s->logged, s->attempt.call))
        return LIMIT_OTHER_KEY; // only half of it would be settled, and never the rest
    bool again = is_settled_so(s);
    enum limit_verdict verdict = again ? LIMIT_ADMITTED : may_settle(s);
    if (verdict != LIMIT_ADMITTED)
        return verdict;
    if (!find_charged_parts(s))
        return LIMIT_ABSENT;
    if (!limit_sync_parts(&s->attempt))
        return LIMIT_NO_MEMORY;
    verdict = again ? LIMIT_ADMITTED : check_named(s);
    if (verdict == LIMIT_ADMITTED && !again)
        verdict = settle_now(s);
    s->attempt.answer->verdict = verdict;
    if (verdict == LIMIT_ADMITTED)
        limit_answer_standings(&s->attempt);
    return verdict;
}

// --- overdrawing, and giving an amount back: new entries of the log

// The charge was made before, perhaps by this call's earlier try.
static enum limit_verdict enter_again(struct settlement *s, const struct limit_waiter *waiter)
{
    struct limit_attempt *a = &s->attempt;
    if (!find_charged_parts(s))
        return LIMIT_ABSENT;
    enum limit_verdict verdict = limit_answer_again(a, s->logged);
    a->answer->repeated = verdict == LIMIT_ADMITTED && !waiter->is_applied;
    return verdict;
}

static enum limit_verdict find_costs(struct settlement *s)
{
    struct limit_attempt *a = &s->attempt;
    if (!limit_find_parts(a))
        return LIMIT_ABSENT;
    bool has_memory = limit_sync_parts(a);
    if (a->call->mode == LIMIT_REFUND_AMOUNT)
        return has_memory ? LIMIT_ADMITTED : LIMIT_NO_MEMORY;
    for (size_t i = 0; i < a->part_count && has_memory; i++) {
        has_memory = reserve_more(a, &a->parts[i], a->parts[i].cost);
        if (has_memory && a->parts[i].spends)
            add_more(&s->more, &a->parts[i], a->parts[i].cost);
    }
    return has_memory ? LIMIT_ADMITTED : LIMIT_NO_MEMORY;
}

static void take_back_amount(struct settlement *s)
{
    struct limit_attempt *a = &s->attempt;
    s->logged->debt = ++a->shard->debts;
    for (size_t i = 0; i < a->part_count; i++) {
        const struct limit_part *part = &a->parts[i];
        part->functions->take_back(&part->meter->state, &part->rate, part->meter->t_ms, part->cost);
        limit_owe(a, part->meter, s->logged->debt);
    }
}

static enum limit_verdict enter(struct settlement *s, uint64_t hash, const struct limit_waiter *waiter)
{
    struct limit_attempt *a = &s->attempt;
    a->shard->decisions++;
    if (s->logged != NULL)
        return enter_again(s, waiter);
    s->logged = limit_charge_log_prepare(a->table, a->shard, a->call, hash);
    enum limit_verdict verdict = s->logged != NULL ? find_costs(s) : LIMIT_NO_MEMORY;
    if (verdict != LIMIT_ADMITTED) {
        free(s->logged);
        return verdict;
    }
    if (a->call->mode == LIMIT_REFUND_AMOUNT)
        take_back_amount(s);
    else
        take_more(s);
    a->answer->verdict = LIMIT_ADMITTED;
    limit_answer_standings(a);
    limit_charge_log_fill(a->table, s->logged, a->call, a->answer);
    limit_charge_log_append(a->shard, s->logged);
    return LIMIT_ADMITTED;
}

// --- until it is on disk

// Leaves only those parts whose debt a crash may forget. Nobody waits for a shadow.
static bool keep_undurable_parts(struct settlement *s)
{
    struct limit_attempt *a = &s->attempt;
    size_t count = 0;
    for (size_t i = 0; i < a->part_count; i++) {
        if (a->parts[i].shadow || !limit_may_lose_debt(a->parts[i].meter, s->logged->debt))
            continue;
        a->parts[count] = a->parts[i];
        a->parts[count++].cost = 0; // no units are waited for
    }
    if (count > 0)
        a->part_count = count;
    return count > 0;
}

static enum limit_verdict wait_until_durable(struct settlement *s, struct limit_waiter *waiter)
{
    struct limit_attempt *a = &s->attempt;
    if (a->call->mode == LIMIT_REFUND || s->logged->debt == 0)
        return LIMIT_ADMITTED;
    if (limit_is_relaxed(a) || !keep_undurable_parts(s))
        return LIMIT_ADMITTED;
    waiter->is_applied |= !a->answer->repeated;
    return limit_queue(&a, 1, waiter);
}

static enum limit_verdict settle_locked(struct settlement *s, struct limit_waiter *waiter)
{
    struct limit_attempt *a = &s->attempt;
    a->answer->now_ms = clock_now_ms(a->table->clock);
    a->answer->generation = a->shard->generation;
    uint64_t hash = limit_charge_log_hash(a->table, a->call);
    s->logged = limit_charge_log_find(a->shard, a->call, hash);
    enum limit_verdict verdict = limit_makes_entry(a->call) ? enter(s, hash, waiter) : settle(s);
    return verdict == LIMIT_ADMITTED ? wait_until_durable(s, waiter) : verdict;
}

static enum limit_verdict lock_and_settle(struct settlement *s, struct limit_waiter *waiter)
{
    struct limit_attempt *a = &s->attempt;
    a->woken = limit_take_woken(waiter);
    pthread_mutex_lock(&a->shard->mutex);
    enum limit_verdict verdict = settle_locked(s, waiter);
    a->answer->verdict = verdict;
    a->answer->write_wanted = limit_write_wanted(a->table);
    limit_keep_woken(waiter, a->woken, verdict);
    pthread_mutex_unlock(&a->shard->mutex); // from here on the waiter may be woken, and the answer be gone
    return verdict;
}

enum limit_verdict limit_settle(struct limit_table *table, const struct limit_call *call, struct limit_waiter *waiter,
                                struct limit_answer *answer)
{
    struct settlement s = {.named = 0};
    assert(call->mode == LIMIT_REFUND || (call->mode != LIMIT_CONSUME && waiter != NULL));
    limit_answer_clear(answer);
    limit_attempt_init(&s.attempt, table, call, answer);
    limit_attempt_init(&s.more, table, call, answer);
    answer->charge = limit_makes_entry(call) ? limit_find_undeclared(call) : call->charge_count;
    if (answer->charge == call->charge_count)
        return lock_and_settle(&s, waiter);
    answer->now_ms = clock_now_ms(table->clock);
    answer->write_wanted = false;
    return answer->verdict = LIMIT_UNDECLARED;
}
