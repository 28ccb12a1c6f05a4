// Checks the bounds of a limit and fills in what was left out.
//
// The problem: limits come from requests, files and the command line, and the algorithms compute with them exactly. So
// every limit goes through limit_complete once, which checks the bounds that the arithmetic relies on; all other code
// may take a limit as it is.
#include "limit/algorithm.h"

// The longest time an empty bucket may take to fill: ten years, so that its arithmetic stays in 64-bit milliseconds.
static const uint64_t FILL_S_MAX = UINT64_C(10) * 366 * 86400;

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

const struct limit_algorithm_functions *limit_algorithm_of(enum limit_algorithm algorithm)
{
    switch (algorithm) {
    case LIMIT_FIXED_WINDOW:
        return &limit_fixed_window;
    case LIMIT_SLIDING_WINDOW:
        return &limit_sliding_window;
    case LIMIT_TOKEN_BUCKET:
        return &limit_token_bucket;
    }
    return NULL;
}

const char *limit_algorithm_name(enum limit_algorithm algorithm)
{
    const struct limit_algorithm_functions *functions = limit_algorithm_of(algorithm);
    return functions != NULL ? functions->name : "none";
}

static uint32_t period_s(enum limit_period period)
{
    switch (period) {
    case LIMIT_NO_PERIOD:
    case LIMIT_MONTH:
    case LIMIT_YEAR:
    case LIMIT_TOTAL:
        return 0;
    case LIMIT_WEEK:
        return 7 * DAY_S;
    case LIMIT_MINUTE:
        return MINUTE_S;
    case LIMIT_HOUR:
        return HOUR_S;
    case LIMIT_DAY:
        return DAY_S;
    }
    return 0;
}

enum limit_period limit_period_of(uint32_t window_s)
{
    unsigned period = LIMIT_TOTAL;
    while (period > LIMIT_NO_PERIOD && period_s((enum limit_period)period) != window_s)
        period--;
    return (enum limit_period)period;
}

static enum status fail(struct status_failure *failure, const char *field, const char *message)
{
    return status_fail(failure, STATUS_INVALID_ARGUMENT, field, "%s", message);
}

static enum status complete_unlimited(struct limit *limit, struct status_failure *failure)
{
    if (limit->amount != 0)
        return fail(failure, "amount", "an unlimited limit has no amount; leave it 0 or drop `unlimited`");
    if (limit->window_s != 0)
        return fail(failure, "window_s", "an unlimited limit has no window; leave it 0 or drop `unlimited`");
    if (limit->period != LIMIT_NO_PERIOD)
        return fail(failure, "period", "an unlimited limit has no period; leave it out or drop `unlimited`");
    if (limit->burst != 0)
        return fail(failure, "burst", "an unlimited limit has no burst; leave it 0 or drop `unlimited`");
    if (limit->shadow)
        return fail(failure, "shadow", "an unlimited limit never refuses as it is; leave it out or drop `unlimited`");
    limit->algorithm = 0;
    return STATUS_OK;
}

static enum status complete_period(struct limit *limit, struct status_failure *failure)
{
    if ((unsigned)limit->period > LIMIT_TOTAL)
        return fail(failure, "period", "unknown period; use minute, hour, day, week, month, year or total");
    if (limit->algorithm == 0)
        limit->algorithm = LIMIT_FIXED_WINDOW;
    if (limit->algorithm != LIMIT_FIXED_WINDOW)
        return fail(failure, "period",
                    "calendar periods need fixed_window; give the other algorithms a window in seconds");
    if (limit->window_s != 0 && limit->window_s != period_s(limit->period))
        return fail(failure, "window_s", "contradicts the period; leave it 0 and the period decides");
    limit->window_s = period_s(limit->period);
    return STATUS_OK;
}

static enum status complete_window(struct limit *limit, struct status_failure *failure)
{
    if (limit->period != LIMIT_NO_PERIOD)
        return complete_period(limit, failure);
    if (limit->window_s == 0 || limit->window_s > LIMIT_WINDOW_S_MAX)
        return fail(failure, "window_s", "must be 1 second to 31 days (2678400), e.g. requests=60/min");
    if (limit->algorithm != 0)
        return STATUS_OK;
    limit->algorithm = limit->window_s <= HOUR_S ? LIMIT_SLIDING_WINDOW : LIMIT_FIXED_WINDOW;
    if (limit->window_s == DAY_S)
        limit->period = LIMIT_DAY;
    return STATUS_OK;
}

static enum status complete_burst(struct limit *limit, struct status_failure *failure)
{
    if (limit->algorithm != LIMIT_TOKEN_BUCKET)
        return limit->burst == 0 ? STATUS_OK : fail(failure, "burst", "only a token_bucket has a burst; leave it 0");
    if (limit->burst == 0)
        limit->burst = limit->amount;
    if (limit->burst > LIMIT_AMOUNT_MAX)
        return fail(failure, "burst", "must be at most 9007199254740991 (2^53 - 1)");
    if (limit->amount == 0 && limit->burst != 0)
        return fail(failure, "burst", "a forbidden resource (amount 0) has no burst; leave it 0");
    if ((limit_wide)limit->burst * limit->window_s > (limit_wide)limit->amount * FILL_S_MAX)
        return fail(failure, "burst", "at this rate the bucket takes more than ten years to fill; lower it");
    return STATUS_OK;
}

enum status limit_complete(struct limit *limit, struct status_failure *failure)
{
    if (!slice_is_name(limit->resource, LIMIT_RESOURCE_MAX))
        return fail(failure, "resource",
                    "must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit, e.g. requests");
    if ((unsigned)limit->algorithm > LIMIT_TOKEN_BUCKET)
        return fail(failure, "algorithm", "unknown algorithm; use fixed_window, sliding_window or token_bucket");
    if (limit->unlimited)
        return complete_unlimited(limit, failure);
    if (limit->amount > LIMIT_AMOUNT_MAX)
        return fail(failure, "amount", "must be at most 9007199254740991 (2^53 - 1)");
    enum status status = complete_window(limit, failure);
    return status == STATUS_OK ? complete_burst(limit, failure) : status;
}

bool limit_same_window(const struct limit *a, const struct limit *b)
{
    return slice_equal(a->resource, b->resource) && a->unlimited == b->unlimited && a->window_s == b->window_s &&
           (a->window_s > 0 || a->period == b->period) && a->shadow == b->shadow;
}

// By another algorithm, limits with the same numbers let different schedules pass: what a sliding window spreads out, a
// fixed window admits twice around its boundary, and a bucket beside what flows in. Nor does a sliding window with a
// finer ring pass only what a coarser one does.
bool limit_is_within(const struct limit *inner, const struct limit *outer)
{
    if (!limit_same_meter(inner, outer) || inner->amount > outer->amount || inner->burst > outer->burst)
        return false;
    return inner->algorithm != LIMIT_SLIDING_WINDOW ||
           limit_sliding_slots(inner->amount) == limit_sliding_slots(outer->amount);
}

// A calendar day and every 86,400 seconds are different meters: a UTC offset makes them differ.
bool limit_same_meter(const struct limit *a, const struct limit *b)
{
    return limit_same_window(a, b) && a->algorithm == b->algorithm && a->period == b->period;
}
