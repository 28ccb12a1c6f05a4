// Writes a limit as text: `requests=60/min:token_bucket,burst=50`.
//
// The problem: a limit that is shown, in a change's diff or a failure, must read as the one that a person would write,
// and give the same limit when libpostern reads it again. So what follows from the rest is left out, and a window is
// told in the longest unit that measures it.
#include <inttypes.h>
#include <stdio.h>

#include "limit/limit.h"

struct unit {
    const char *word;
    uint32_t seconds; // 0: no fixed length
    enum limit_period period;
};

static const struct unit units[] = {
    {"s", 1, LIMIT_NO_PERIOD},    {"min", 60, LIMIT_MINUTE}, {"hour", 3600, LIMIT_HOUR}, {"day", 86400, LIMIT_DAY},
    {"week", 604800, LIMIT_WEEK}, {"month", 0, LIMIT_MONTH}, {"year", 0, LIMIT_YEAR},    {"total", 0, LIMIT_TOTAL},
};
enum { UNIT_COUNT = sizeof units / sizeof units[0] };

static const struct unit *unit_of_period(enum limit_period period)
{
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (units[i].period == period)
            return &units[i];
    return &units[0];
}

// Returns the longest unit, up to a day, that measures the window. A fixed window that is not the calendar's takes one
// that needs a number.
static const struct unit *unit_of_window(const struct limit *limit)
{
    const struct unit *best = &units[0];
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        uint32_t seconds = units[i].seconds;
        if (seconds <= best->seconds || units[i].period > LIMIT_DAY || limit->window_s % seconds != 0)
            continue;
        if (limit->algorithm != LIMIT_FIXED_WINDOW || limit->window_s != seconds)
            best = &units[i];
    }
    return best;
}

static size_t format_window(const struct limit *limit, char *out, size_t size)
{
    if (limit->period != LIMIT_NO_PERIOD)
        return (size_t)snprintf(out, size, "%s", unit_of_period(limit->period)->word);
    const struct unit *unit = unit_of_window(limit);
    if (limit->window_s == unit->seconds)
        return (size_t)snprintf(out, size, "%s", unit->word);
    return (size_t)snprintf(out, size, "%" PRIu32 "%s", limit->window_s / unit->seconds, unit->word);
}

// Would the same text without an algorithm mean the same limit?
static bool is_default_algorithm(const struct limit *limit)
{
    struct limit plain = {
        .resource = limit->resource, .amount = limit->amount, .window_s = limit->window_s, .shadow = limit->shadow};
    plain.period = limit->period > LIMIT_DAY ? limit->period : LIMIT_NO_PERIOD;
    return limit_complete(&plain, NULL) == STATUS_OK && limit_same_meter(&plain, limit);
}

size_t limit_format(const struct limit *limit, char out[LIMIT_TEXT_MAX + 1])
{
    const size_t size = LIMIT_TEXT_MAX + 1;
    size_t at = (size_t)snprintf(out, size, "%.*s=", SLICE_ARGS(limit->resource));
    if (limit->unlimited)
        return at + (size_t)snprintf(out + at, size - at, "unlimited");
    at += (size_t)snprintf(out + at, size - at, "%" PRIu64 "/", limit->amount);
    at += format_window(limit, out + at, size - at);
    if (!is_default_algorithm(limit))
        at += (size_t)snprintf(out + at, size - at, ":%s", limit_algorithm_name(limit->algorithm));
    if (limit->algorithm == LIMIT_TOKEN_BUCKET && limit->burst > 0)
        at += (size_t)snprintf(out + at, size - at, ",burst=%" PRIu64, limit->burst);
    if (limit->shadow)
        at += (size_t)snprintf(out + at, size - at, ":shadow");
    return at;
}
