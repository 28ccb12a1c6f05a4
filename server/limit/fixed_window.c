// The fixed window: how much was used in the window that holds the present time.
//
// The problem: at the end of a window everything is free again, so a window must not be opened twice. A time that went
// back would do that; so only a later window replaces the open one, and any other time counts in the window that is
// already open. A change of the time zone would do it, too: now lies in another window, whose end may be nearer. So at
// a change (`rezone`) every unit that is counted goes on to count until the later of two ends: the one until which it
// counts already, and that of the window of the new zone which holds the present time. When that is the new window's
// end, they are its `used`. When it is later, they are `held` until then, beside the new windows; and so that the
// window which was left admits no more than one amount either, what is spent in a window that ends earlier is held,
// too. Held units and the window's own are a sum when it is asked what fits. At another change all of them go to the
// later end, so there is never more than one end beside the window's own, and going back and forth moves it to no later
// time than the latest end of a window in which there was a change: a period at most.
#include "limit/calendar.h"

static uint64_t total(const struct limit_fixed_state *fixed)
{
    return limit_add(fixed->used, fixed->held);
}

// Returns where units are counted longest: there new ones go.
static uint64_t *latest(struct limit_fixed_state *fixed)
{
    return fixed->held > 0 && fixed->held_until_ms > fixed->end_ms ? &fixed->held : &fixed->used;
}

// What was spent in an earlier window is not given back in this one.
static void open_window(struct limit_fixed_state *fixed, const struct limit_rate *rate, uint64_t t)
{
    struct limit_span span = limit_calendar_window(rate, t);
    fixed->used = 0;
    fixed->begin_ms = limit_max(span.begin_ms, fixed->end_ms);
    fixed->end_ms = span.end_ms;
    fixed->zone = rate->zone;
}

static void rezone(struct limit_fixed_state *fixed, const struct limit_rate *rate, uint64_t t)
{
    uint64_t counted = total(fixed), until_ms = fixed->used > 0 ? fixed->end_ms : 0;
    if (fixed->held > 0)
        until_ms = limit_max(until_ms, fixed->held_until_ms);
    fixed->end_ms = limit_calendar_window(rate, t).end_ms;
    fixed->zone = rate->zone;
    bool is_held = until_ms > fixed->end_ms;
    fixed->used = is_held ? 0 : counted;
    fixed->held = is_held ? counted : 0;
    fixed->held_until_ms = is_held ? until_ms : 0;
}

// Only a later window is a new one: a clock that goes back must not open a window again.
static void fixed_sync(union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    struct limit_fixed_state *fixed = &state->fixed;
    bool is_rezoned = fixed->zone != rate->zone;
    if (fixed->held > 0 && t >= fixed->held_until_ms)
        fixed->held = fixed->held_until_ms = 0;
    if (t >= fixed->end_ms)
        open_window(fixed, rate, t);
    if (is_rezoned)
        rezone(fixed, rate, t);
}

// A damaged record does not say that a window ends beyond all time.
static void load_record(struct limit_fixed_state *fixed, const struct limit_rate *rate,
                        const struct limit_record *record)
{
    struct limit_span span = {record->begin_ms, limit_min(record->end_ms, LIMIT_NEVER_MS)};
    if (record->end_ms == 0)
        span = limit_calendar_span(rate, record->index);
    *fixed = (struct limit_fixed_state){.used = record->used,
                                        .begin_ms = span.begin_ms,
                                        .end_ms = span.end_ms,
                                        .held = record->held,
                                        .held_until_ms = limit_min(record->held_until_ms, LIMIT_NEVER_MS),
                                        .zone = rate->zone};
}

static bool fixed_load(union limit_state *state, const struct limit_rate *rate, uint64_t t,
                       const struct limit_record *record)
{
    state->fixed = (struct limit_fixed_state){.zone = rate->zone};
    if (record != NULL)
        load_record(&state->fixed, rate, record);
    fixed_sync(state, rate, t);
    return true;
}

static void fixed_save(const union limit_state *state, struct limit_record *record)
{
    const struct limit_fixed_state *fixed = &state->fixed;
    record->used = fixed->used;
    record->begin_ms = fixed->begin_ms;
    record->end_ms = fixed->end_ms;
    record->held = fixed->held;
    record->held_until_ms = fixed->held_until_ms;
    record->zone = fixed->zone;
}

static bool fixed_fits(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    (void)t;
    return cost <= rate->amount && total(&state->fixed) <= rate->amount - cost;
}

static void fixed_spend(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    (void)rate;
    (void)t;
    uint64_t *counted = latest(&state->fixed);
    *counted = limit_add(*counted, cost);
}

static bool fixed_is_current(const union limit_state *state, const struct limit_rate *rate,
                             const struct limit_spent *spent)
{
    (void)rate;
    return spent->t_ms >= state->fixed.begin_ms;
}

static bool fixed_refund(union limit_state *state, const struct limit_rate *rate, uint64_t t,
                         const struct limit_spent *spent)
{
    (void)t;
    struct limit_fixed_state *fixed = &state->fixed;
    uint64_t *counted = latest(fixed); // since `begin_ms` all that was spent went there
    bool is_current = fixed_is_current(state, rate, spent);
    uint64_t cost = is_current ? limit_min(spent->cost - spent->kept, *counted) : 0;
    *counted -= cost;
    return cost > 0;
}

static void fixed_take_back(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t units)
{
    (void)rate;
    (void)t;
    uint64_t *counted = latest(&state->fixed), first = limit_min(units, *counted);
    *counted -= first;
    uint64_t *rest = counted == &state->fixed.used ? &state->fixed.held : &state->fixed.used;
    *rest -= limit_min(units - first, *rest);
}

static uint64_t fixed_remaining(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)t;
    uint64_t counted = total(&state->fixed);
    return counted < rate->amount ? rate->amount - counted : 0;
}

static uint64_t fixed_reset(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)rate;
    (void)t;
    const struct limit_fixed_state *fixed = &state->fixed;
    return limit_max(fixed->end_ms, fixed->held > 0 ? fixed->held_until_ms : 0);
}

// The units that are counted until the nearer end are free first.
static uint64_t fixed_retry(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    (void)t;
    const struct limit_fixed_state *fixed = &state->fixed;
    if (fixed->held == 0)
        return fixed->end_ms;
    bool window_first = fixed->end_ms <= fixed->held_until_ms;
    uint64_t first_ms = window_first ? fixed->end_ms : fixed->held_until_ms;
    uint64_t rest = window_first ? fixed->held : fixed->used;
    bool fits = cost <= rate->amount && rest <= rate->amount - cost;
    return fits ? first_ms : limit_max(fixed->end_ms, fixed->held_until_ms);
}

// The sum may exceed the amount: that may have been lowered since the reservation was written, and be raised again.
static bool fixed_forfeit(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t reserved)
{
    fixed_spend(state, rate, t, reserved);
    return true;
}

static bool fixed_raise(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t used)
{
    (void)rate;
    (void)t;
    struct limit_fixed_state *fixed = &state->fixed;
    uint64_t counted = limit_max(total(fixed), used), *to = latest(fixed);
    if (*to >= used)
        return true;
    fixed->used = to == &fixed->used ? counted : 0;
    fixed->held = to == &fixed->held ? counted : 0;
    return true;
}

static uint64_t fixed_used(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)rate;
    (void)t;
    return total(&state->fixed);
}

const struct limit_algorithm_functions limit_fixed_window = {
    .load = fixed_load,
    .save = fixed_save,
    .sync = fixed_sync,
    .fits = fixed_fits,
    .spend = fixed_spend,
    .refund = fixed_refund,
    .take_back = fixed_take_back,
    .is_current = fixed_is_current,
    .remaining = fixed_remaining,
    .raise = fixed_raise,
    .used = fixed_used,
    .reset = fixed_reset,
    .retry = fixed_retry,
    .forfeit = fixed_forfeit,
    .name = "fixed_window",
};
