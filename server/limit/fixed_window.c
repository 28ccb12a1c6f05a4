// The fixed window: how much was used in the window that holds the present time.
//
// The problem: at the end of a window everything is free again, so a time that went back would open a window twice. So
// only a later window replaces the open one; any other time counts in the window that is already open.
#include "limit/calendar.h"

static void find_span(struct limit_fixed_state *fixed, const struct limit_rate *rate)
{
    struct limit_span span = limit_calendar_span(rate, fixed->index);
    fixed->begin_ms = span.begin_ms;
    fixed->end_ms = span.end_ms;
}

// Only a later window is a new one: a clock that goes back must not open a window again.
static void fixed_sync(union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    struct limit_fixed_state *fixed = &state->fixed;
    if (t < fixed->end_ms)
        return;
    fixed->index = limit_calendar_index(rate, t);
    fixed->used = 0;
    find_span(fixed, rate);
}

static bool fixed_load(union limit_state *state, const struct limit_rate *rate, uint64_t t,
                       const struct limit_record *record)
{
    struct limit_fixed_state *fixed = &state->fixed;
    fixed->index = record != NULL ? record->index : limit_calendar_index(rate, t);
    fixed->used = record != NULL ? record->used : 0;
    find_span(fixed, rate);
    fixed_sync(state, rate, t);
    return true;
}

static void fixed_save(const union limit_state *state, struct limit_record *record)
{
    record->index = state->fixed.index;
    record->used = state->fixed.used;
}

static bool fixed_fits(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    (void)t;
    return cost <= rate->amount && state->fixed.used <= rate->amount - cost;
}

static void fixed_spend(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    (void)rate;
    (void)t;
    state->fixed.used = limit_add(state->fixed.used, cost);
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
    bool is_current = fixed_is_current(state, rate, spent);
    uint64_t cost = is_current ? limit_min(spent->cost - spent->kept, fixed->used) : 0;
    fixed->used -= cost;
    return cost > 0;
}

static uint64_t fixed_remaining(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)t;
    return state->fixed.used < rate->amount ? rate->amount - state->fixed.used : 0;
}

static uint64_t fixed_reset(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)rate;
    (void)t;
    return state->fixed.end_ms;
}

static uint64_t fixed_retry(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    (void)rate;
    (void)t;
    (void)cost;
    return state->fixed.end_ms;
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
    state->fixed.used = limit_max(state->fixed.used, used);
    return true;
}

static uint64_t fixed_used(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)rate;
    (void)t;
    return state->fixed.used;
}

const struct limit_algorithm_functions limit_fixed_window = {
    .load = fixed_load,
    .save = fixed_save,
    .sync = fixed_sync,
    .fits = fixed_fits,
    .spend = fixed_spend,
    .refund = fixed_refund,
    .is_current = fixed_is_current,
    .remaining = fixed_remaining,
    .raise = fixed_raise,
    .used = fixed_used,
    .reset = fixed_reset,
    .retry = fixed_retry,
    .forfeit = fixed_forfeit,
    .name = "fixed_window",
};
