// The fields are Lists of Structured Fields (RFC 9651): Strings, which hold no other than printable ASCII, and Integers
// of at most 15 digits.
#include "limit_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 2 * POSTERN_RESOURCE_MAX + 64 };
#define INTEGER_MAX UINT64_C(999999999999999)

// Length of a period without a fixed number of seconds, for clients that want one.
static const struct {
    enum postern_period period;
    const char *name;
    uint32_t seconds;
} periods[] = {
    {POSTERN_PERIOD_MINUTE, "minute", 60},    {POSTERN_PERIOD_HOUR, "hour", 3600},
    {POSTERN_PERIOD_DAY, "day", 86400},       {POSTERN_PERIOD_WEEK, "week", 604800},
    {POSTERN_PERIOD_MONTH, "month", 2592000}, {POSTERN_PERIOD_YEAR, "year", 31536000},
    {POSTERN_PERIOD_TOTAL, "total", 0},
};

uint64_t limit_fields_seconds(uint64_t span_ms)
{
    uint64_t seconds = span_ms / 1000 + (span_ms % 1000 > 0);
    return seconds > 0 ? seconds : 1;
}

static uint64_t integer(uint64_t value)
{
    return value < INTEGER_MAX ? value : INTEGER_MAX;
}

// Copies what a String may hold, with its quotes; for anything else '?'.
static size_t write_string(char *out, const char *text, size_t max)
{
    size_t used = 0;
    out[used++] = '"';
    for (; *text != '\0' && used + 3 < max; text++) {
        if (*text == '"' || *text == '\\')
            out[used++] = '\\';
        out[used++] = *text >= ' ' && *text <= '~' ? *text : '?';
    }
    out[used++] = '"';
    out[used] = '\0';
    return used;
}

// "requests/60s", "requests/day", of a key's own limit "key:requests/day": the same in both fields, and one of each
// kind has a name of its own.
static uint32_t write_name(const struct postern_meter *meter, char out[NAME_SIZE])
{
    char text[NAME_SIZE], window[16];
    uint32_t window_s = meter->window_s;
    (void)snprintf(window, sizeof window, "%" PRIu32 "s", window_s);
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++)
        if (periods[i].period == meter->period) {
            (void)snprintf(window, sizeof window, "%s", periods[i].name);
            window_s = periods[i].seconds;
        }
    (void)snprintf(text, sizeof text, "%s%s/%s", meter->subject == POSTERN_SUBJECT_KEY ? "key:" : "", meter->resource,
                   window);
    (void)write_string(out, text, NAME_SIZE);
    return window_s;
}

void limit_fields_add(struct http_answer *answer, const struct postern_meter *meters, size_t count,
                      const struct postern_meter *binding, uint64_t now_ms)
{
    const size_t room = count * (NAME_SIZE + 64) + 1;
    char *policy = pool_take(answer->pool, room, 1), *standing = pool_take(answer->pool, room, 1);
    size_t policy_used = 0, standing_used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct postern_meter *meter = &meters[i];
        char name[NAME_SIZE];
        if (meter->unlimited || meter->shadow)
            continue;
        const char *comma = policy_used > 0 ? ", " : "";
        uint32_t window_s = write_name(meter, name);
        policy_used += (size_t)snprintf(policy + policy_used, room - policy_used, "%s%s;q=%" PRIu64, comma, name,
                                        integer(meter->limit));
        if (window_s > 0)
            policy_used += (size_t)snprintf(policy + policy_used, room - policy_used, ";w=%" PRIu32, window_s);
        standing_used += (size_t)snprintf(standing + standing_used, room - standing_used, "%s%s;r=%" PRIu64, comma,
                                          name, integer(meter->remaining));
        if (meter->period != POSTERN_PERIOD_TOTAL && meter->reset_at_ms > now_ms)
            standing_used += (size_t)snprintf(standing + standing_used, room - standing_used, ";t=%" PRIu64,
                                              integer(limit_fields_seconds(meter->reset_at_ms - now_ms)));
    }
    if (binding != NULL && !binding->unlimited && !binding->shadow) {
        http_add_format(answer, "X-RateLimit-Limit", "%" PRIu64, binding->limit);
        http_add_format(answer, "X-RateLimit-Remaining", "%" PRIu64, binding->remaining);
        if (binding->reset_at_ms > 0)
            http_add_format(answer, "X-RateLimit-Reset", "%" PRIu64, limit_fields_seconds(binding->reset_at_ms));
    }
    http_add(answer, "RateLimit-Policy", policy);
    http_add(answer, "RateLimit", standing);
}
