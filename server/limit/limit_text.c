// A limit as text, and text as a limit: `requests=60/min:token_bucket,burst=50`.
//
// The problem: people write limits by hand, so a mistake is answered with the part that is wrong and an example. The
// text is taken apart from left to right, one part by each function; limit_format writes the canonical form, which
// gives the same limit when it is read again.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "limit/limit.h"

#define EXAMPLE "write it like requests=60/min, requests=2000/day or requests=300/min:token_bucket,burst=50"

enum { SHOWN_MAX = 60 }; // bytes of an offending part that an error shows

struct unit {
    const char *word;
    uint32_t seconds; // 0: month
    enum limit_period period;
};

// limit_format writes the first word of each length.
static const struct unit units[] = {
    {"s", 1, LIMIT_NO_PERIOD}, {"sec", 1, LIMIT_NO_PERIOD},  {"second", 1, LIMIT_NO_PERIOD}, {"min", 60, LIMIT_MINUTE},
    {"m", 60, LIMIT_MINUTE},   {"minute", 60, LIMIT_MINUTE}, {"hour", 3600, LIMIT_HOUR},     {"h", 3600, LIMIT_HOUR},
    {"day", 86400, LIMIT_DAY}, {"d", 86400, LIMIT_DAY},      {"month", 0, LIMIT_MONTH},
};
enum { UNIT_COUNT = sizeof units / sizeof units[0] };

static const enum limit_algorithm algorithms[] = {LIMIT_FIXED_WINDOW, LIMIT_SLIDING_WINDOW, LIMIT_TOKEN_BUCKET};

static struct slice shown(struct slice part)
{
    return slice_make(part.data, part.size < SHOWN_MAX ? part.size : SHOWN_MAX);
}

static enum status fail_at(struct status_failure *failure, const char *field, struct slice part, const char *wanted)
{
    return status_fail(failure, STATUS_INVALID_ARGUMENT, field, "`%.*s`: %s; " EXAMPLE, SLICE_ARGS(shown(part)),
                       wanted);
}

// Takes what stands before the first `separator`, or everything when there is none.
static struct slice take_until(struct slice *text, char separator, bool *found)
{
    const uint8_t *at = text->size > 0 ? memchr(text->data, separator, text->size) : NULL;
    struct slice part = *text;
    *found = at != NULL;
    if (at == NULL) {
        *text = slice_empty();
        return part;
    }
    part.size = (size_t)(at - text->data);
    *text = slice_make(at + 1, text->size - part.size - 1);
    return part;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static size_t count_digits(struct slice text)
{
    size_t count = 0;
    while (count < text.size && is_digit(text.data[count]))
        count++;
    return count;
}

static bool parse_number(struct slice text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.size == 0 || count_digits(text) != text.size)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (value > LIMIT_AMOUNT_MAX / 10)
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return value <= LIMIT_AMOUNT_MAX;
}

static const struct unit *find_unit(struct slice word)
{
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (slice_equal(word, slice_text(units[i].word)))
            return &units[i];
    return NULL;
}

// Parses the window. `period` becomes the calendar period that the word means, if it means one.
static enum status parse_window(struct slice text, struct limit *limit, enum limit_period *period,
                                struct status_failure *failure)
{
    size_t digits = count_digits(text);
    uint64_t count = 1;
    if (digits > 0 && !parse_number(slice_make(text.data, digits), &count))
        return fail_at(failure, "window_s", text, "the window is too long");
    const struct unit *unit = find_unit(slice_make(text.size > 0 ? text.data + digits : NULL, text.size - digits));
    if (unit == NULL)
        return fail_at(failure, "window_s", text, "not a window; use s, min, hour, day or month, e.g. 5min");
    if (unit->period == LIMIT_MONTH && count != 1)
        return fail_at(failure, "window_s", text, "only one calendar month can be a window; use days, e.g. 30d");
    if (unit->period != LIMIT_MONTH && (count == 0 || count > LIMIT_WINDOW_S_MAX / unit->seconds))
        return fail_at(failure, "window_s", text, "a window is 1 second to 31 days");
    limit->window_s = (uint32_t)count * unit->seconds;
    *period = count == 1 ? unit->period : LIMIT_NO_PERIOD;
    return STATUS_OK;
}

static enum status parse_algorithm(struct slice text, struct limit *limit, struct status_failure *failure)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (slice_equal(text, slice_text(limit_algorithm_name(algorithms[i])))) {
            limit->algorithm = algorithms[i];
            return STATUS_OK;
        }
    }
    return fail_at(failure, "algorithm", text, "not an algorithm; use fixed_window, sliding_window or token_bucket");
}

static enum status parse_burst(struct slice text, struct limit *limit, struct status_failure *failure)
{
    bool has_value = false;
    struct slice value = text;
    struct slice word = take_until(&value, '=', &has_value);
    if (!slice_equal(word, slice_text("burst")) || limit->algorithm != LIMIT_TOKEN_BUCKET)
        return fail_at(failure, "burst", text, "only token_bucket has an option, and it is burst=NUMBER");
    if (!parse_number(value, &limit->burst) || limit->burst == 0)
        return fail_at(failure, "burst", text, "a burst is a number from 1 to 9007199254740991");
    return STATUS_OK;
}

// Parses "algorithm[,burst=n]".
static enum status parse_options(struct slice text, struct limit *limit, struct status_failure *failure)
{
    bool has_burst = false;
    struct slice word = take_until(&text, ',', &has_burst);
    enum status status = parse_algorithm(word, limit, failure);
    return status == STATUS_OK && has_burst ? parse_burst(text, limit, failure) : status;
}

// A word without a number, or with 1, means the calendar's period when the algorithm is fixed_window; a month always
// does.
static enum limit_period calendar_period(const struct limit *limit, enum limit_period word)
{
    return limit->algorithm == LIMIT_FIXED_WINDOW || word == LIMIT_MONTH ? word : LIMIT_NO_PERIOD;
}

// Parses "amount/window[:options]".
static enum status parse_amount(struct slice text, struct limit *limit, struct status_failure *failure)
{
    bool has_window = false, has_options = false;
    struct slice rest = text;
    struct slice amount = take_until(&rest, '/', &has_window);
    if (!parse_number(amount, &limit->amount))
        return fail_at(failure, "amount", amount, "an amount is a number from 0 to 9007199254740991, or `unlimited`");
    if (!has_window)
        return fail_at(failure, "window_s", text, "the window is missing");
    struct slice window = take_until(&rest, ':', &has_options);
    enum limit_period word = LIMIT_NO_PERIOD;
    enum status status = parse_window(window, limit, &word, failure);
    if (status == STATUS_OK && has_options)
        status = parse_options(rest, limit, failure);
    if (status == STATUS_OK)
        limit->period = calendar_period(limit, word);
    return status;
}

enum status limit_parse(struct slice text, struct limit *out, struct status_failure *failure)
{
    bool has_amount = false;
    struct slice rest = text;
    *out = (struct limit){.resource = take_until(&rest, '=', &has_amount)};
    if (!has_amount)
        return fail_at(failure, "resource", text, "expected resource=amount/window");
    if (!slice_is_name(out->resource, LIMIT_RESOURCE_MAX))
        return fail_at(failure, "resource", out->resource, "a resource is 1 to 64 of a-z 0-9 . _ -");
    out->unlimited = slice_equal(rest, slice_text("unlimited"));
    enum status status = out->unlimited ? STATUS_OK : parse_amount(rest, out, failure);
    return status == STATUS_OK ? limit_complete(out, failure) : status;
}

static const struct unit *unit_of_period(enum limit_period period)
{
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (units[i].period == period)
            return &units[i];
    return &units[0];
}

// Returns the longest unit that measures the window. A fixed window that is not the calendar's takes one that needs a
// number.
static const struct unit *unit_of_window(const struct limit *limit)
{
    const struct unit *best = &units[0];
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        uint32_t seconds = units[i].seconds;
        if (seconds <= best->seconds || limit->window_s % seconds != 0)
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
    struct limit plain = {.resource = limit->resource, .amount = limit->amount, .window_s = limit->window_s};
    plain.period = limit->period == LIMIT_MONTH ? LIMIT_MONTH : LIMIT_NO_PERIOD;
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
    return at;
}
