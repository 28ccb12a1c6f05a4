// The token bucket, as GCRA: it keeps the time at which the bucket is full again (theoretical arrival time).
//
// The problem: units flow back continuously at amount / window, which is seldom a whole number of milliseconds, and an
// error that adds up would admit too much or too little. So one number is kept exactly: the time at which all units are
// back. What is left follows from how far that is ahead of now.
#include "limit/algorithm.h"

// GCRA (ITU-T I.371, virtual scheduling). One unit takes T = window / amount milliseconds, which is kept exactly: times
// are whole milliseconds plus 1/amount parts, durations are compared in those parts ("ticks"), where T is window_ms.

// A record's fraction counts 2^-32 milliseconds, rounded up, so it does not depend on the amount.
static const uint64_t RECORD_SCALE = UINT64_C(1) << 32;

struct quotient {
    uint64_t whole;
    uint64_t rest;
};

// Most products fit in 64 bits, where a division is several times as fast.
static struct quotient divide(limit_wide numerator, uint64_t divisor)
{
    if (numerator <= UINT64_MAX)
        return (struct quotient){(uint64_t)numerator / divisor, (uint64_t)numerator % divisor};
    limit_wide whole = numerator / divisor;
    return (struct quotient){whole > UINT64_MAX ? UINT64_MAX : (uint64_t)whole, (uint64_t)(numerator % divisor)};
}

static uint64_t divide_up(limit_wide numerator, uint64_t divisor)
{
    struct quotient q = divide(numerator, divisor);
    return q.rest > 0 ? limit_add(q.whole, 1) : q.whole;
}

static limit_wide ticks_of(const struct limit_rate *rate, uint64_t units)
{
    return (limit_wide)units * rate->window_ms;
}

// Returns how far the theoretical arrival time is ahead of now, in ticks.
static limit_wide lead(const struct limit_bucket_state *bucket, uint64_t t)
{
    return bucket->tat_ms < t ? 0 : (limit_wide)(bucket->tat_ms - t) * bucket->scale + bucket->fraction;
}

// When the amount has changed, the fraction has another scale; rounding up only makes the bucket a little emptier.
static void bucket_sync(union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)t;
    struct limit_bucket_state *bucket = &state->bucket;
    if (rate->amount == bucket->scale || rate->amount == 0)
        return;
    bucket->fraction = divide_up((limit_wide)bucket->fraction * rate->amount, bucket->scale);
    bucket->scale = rate->amount;
    if (bucket->fraction == bucket->scale) {
        bucket->fraction = 0;
        bucket->tat_ms = limit_add(bucket->tat_ms, 1);
    }
}

static bool bucket_load(union limit_state *state, const struct limit_rate *rate, uint64_t t,
                        const struct limit_record *record)
{
    state->bucket = (struct limit_bucket_state){.tat_ms = t, .scale = 1};
    if (record != NULL) {
        uint64_t fraction = limit_min(record->tat_fraction, RECORD_SCALE - 1);
        state->bucket = (struct limit_bucket_state){record->tat_ms, fraction, RECORD_SCALE};
    }
    bucket_sync(state, rate, t);
    return true;
}

static void bucket_save(const union limit_state *state, struct limit_record *record)
{
    const struct limit_bucket_state *bucket = &state->bucket;
    uint64_t fraction = divide_up((limit_wide)bucket->fraction * RECORD_SCALE, bucket->scale);
    record->tat_ms = fraction == RECORD_SCALE ? limit_add(bucket->tat_ms, 1) : bucket->tat_ms;
    record->tat_fraction = fraction == RECORD_SCALE ? 0 : fraction;
}

static bool bucket_fits(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    if (rate->amount == 0 || cost > rate->burst)
        return false;
    return lead(&state->bucket, t) <= ticks_of(rate, rate->burst - cost);
}

static void advance(struct limit_bucket_state *bucket, uint64_t t, limit_wide ticks)
{
    if (bucket->tat_ms < t) {
        bucket->tat_ms = t;
        bucket->fraction = 0;
    }
    struct quotient q = divide(ticks, bucket->scale);
    bucket->tat_ms = limit_add(bucket->tat_ms, q.whole);
    bucket->fraction += q.rest;
    if (bucket->fraction >= bucket->scale) {
        bucket->fraction -= bucket->scale;
        bucket->tat_ms = limit_add(bucket->tat_ms, 1);
    }
}

static void bucket_spend(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    if (rate->amount > 0) // otherwise nothing ever fits, and a unit has no duration
        advance(&state->bucket, t, ticks_of(rate, cost));
}

// Returns how many ticks so many units of a charge are, once they have drained for a while.
static limit_wide ticks_then(const struct limit_bucket_state *bucket, const struct limit_spent *spent, uint64_t units,
                             uint64_t window_ms, uint64_t passed)
{
    struct quotient took = divide((limit_wide)units * window_ms, spent->amount); // milliseconds
    if (took.whole < passed)
        return 0;
    limit_wide rest = (limit_wide)took.rest * bucket->scale / spent->amount; // the amount may have changed since
    return (limit_wide)(took.whole - passed) * bucket->scale + rest;
}

// Returns what taking a charge back, but for the units that stay spent, takes off the lead, at least. The lead with the
// charge and the lead with what stays of it both drain by one millisecond in a millisecond. Their difference, at first
// what is taken back, becomes smaller only while the latter is 0 and stands still. That begins no sooner than the units
// that stay have drained, so what is left of the difference is no less than what is left of the whole charge.
static limit_wide still_owed(const struct limit_bucket_state *bucket, uint64_t t, const struct limit_spent *spent,
                             uint64_t window_ms)
{
    uint64_t passed = t > spent->t_ms ? t - spent->t_ms : 0;
    limit_wide whole = ticks_then(bucket, spent, spent->cost, window_ms, passed);
    limit_wide back = ticks_then(bucket, spent, spent->cost - spent->kept, window_ms, 0);
    return whole < back ? whole : back;
}

static void lower_lead(struct limit_bucket_state *bucket, uint64_t t, limit_wide back)
{
    limit_wide owed = lead(bucket, t);
    struct quotient rest = divide(back < owed ? owed - back : 0, bucket->scale);
    bucket->tat_ms = limit_add(t, rest.whole);
    bucket->fraction = rest.rest;
}

// A limit with the amount 0 is charged beyond it only; a unit of it had no duration that could be taken back.
static bool bucket_refund(union limit_state *state, const struct limit_rate *rate, uint64_t t,
                          const struct limit_spent *spent)
{
    struct limit_bucket_state *bucket = &state->bucket;
    limit_wide owed = lead(bucket, t);
    limit_wide back = spent->amount > 0 ? still_owed(bucket, t, spent, rate->window_ms) : 0;
    if (owed == 0 || back == 0)
        return false;
    lower_lead(bucket, t, back);
    return true;
}

static void bucket_take_back(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t units)
{
    if (lead(&state->bucket, t) > 0)
        lower_lead(&state->bucket, t, ticks_of(rate, units));
}

static uint64_t bucket_remaining(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    limit_wide full = ticks_of(rate, rate->burst);
    limit_wide owed = lead(&state->bucket, t);
    return rate->amount == 0 || owed >= full ? 0 : divide(full - owed, rate->window_ms).whole;
}

static uint64_t bucket_reset(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    (void)rate;
    const struct limit_bucket_state *bucket = &state->bucket;
    return limit_max(t, bucket->fraction > 0 ? limit_add(bucket->tat_ms, 1) : bucket->tat_ms);
}

static uint64_t bucket_retry(const union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t cost)
{
    limit_wide owed = lead(&state->bucket, t);
    if (rate->amount == 0 || cost > rate->burst || owed <= ticks_of(rate, rate->burst - cost))
        return t;
    return limit_add(t, divide_up(owed - ticks_of(rate, rate->burst - cost), rate->amount));
}

// At most a whole burst can have been spent, unless the record itself says more (the limit was lowered since).
static bool bucket_forfeit(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t reserved)
{
    struct limit_bucket_state *bucket = &state->bucket;
    limit_wide owed = lead(bucket, t);
    limit_wide full = ticks_of(rate, rate->burst);
    limit_wide room = full > owed ? full - owed : 0;
    limit_wide forfeited = ticks_of(rate, reserved);
    if (rate->amount == 0)
        bucket->tat_ms = limit_add(limit_max(bucket->tat_ms, t), reserved > 0 ? rate->window_ms : 0);
    else
        advance(bucket, t, forfeited < room ? forfeited : room);
    return true;
}

// A limit with the amount 0 gives a unit no duration; then it is a whole window until something can be spent again.
static bool bucket_raise(union limit_state *state, const struct limit_rate *rate, uint64_t t, uint64_t used)
{
    struct limit_bucket_state *bucket = &state->bucket;
    if (rate->amount == 0)
        bucket->tat_ms = limit_max(bucket->tat_ms, limit_add(t, used > 0 ? rate->window_ms : 0));
    else if (lead(bucket, t) < ticks_of(rate, used)) {
        bucket->tat_ms = t;
        bucket->fraction = 0;
        advance(bucket, t, ticks_of(rate, used));
    }
    return true;
}

static uint64_t bucket_used(const union limit_state *state, const struct limit_rate *rate, uint64_t t)
{
    return divide_up(lead(&state->bucket, t), rate->window_ms);
}

const struct limit_algorithm_functions limit_token_bucket = {
    .load = bucket_load,
    .save = bucket_save,
    .sync = bucket_sync,
    .fits = bucket_fits,
    .spend = bucket_spend,
    .refund = bucket_refund,
    .take_back = bucket_take_back,
    .remaining = bucket_remaining,
    .raise = bucket_raise,
    .used = bucket_used,
    .reset = bucket_reset,
    .retry = bucket_retry,
    .forfeit = bucket_forfeit,
    .name = "token_bucket",
};
