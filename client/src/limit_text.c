// The text form of limits: requests=60/min, requests=300/min:token_bucket,burst=50, requests=unlimited.
#include "error.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

// A part of the text.
struct part {
    const char *at;
    size_t size;
};

#define PART(p) (int)(p).size, (p).at

static bool part_is(struct part part, const char *word)
{
    return part.size == strlen(word) && memcmp(part.at, word, part.size) == 0;
}

// Cuts what comes before the separator off the front of *rest, and the separator too. Without one it is all of the
// rest, and false is returned.
static bool cut(struct part *rest, char separator, struct part *front)
{
    const char *found = memchr(rest->at, separator, rest->size);
    *front = (struct part){.at = rest->at, .size = found != NULL ? (size_t)(found - rest->at) : rest->size};
    size_t used = front->size + (found != NULL);
    *rest = (struct part){.at = rest->at + used, .size = rest->size - used};
    return found != NULL;
}

// What a window word stands for.
struct unit {
    const char *word;
    uint32_t seconds; // 0: it has no fixed length
    enum postern_period period;
};

static const struct unit units[] = {
    {"s", 1, POSTERN_PERIOD_UNSPECIFIED},      {"sec", 1, POSTERN_PERIOD_UNSPECIFIED},
    {"second", 1, POSTERN_PERIOD_UNSPECIFIED}, {"m", 60, POSTERN_PERIOD_MINUTE},
    {"min", 60, POSTERN_PERIOD_MINUTE},        {"minute", 60, POSTERN_PERIOD_MINUTE},
    {"h", 3600, POSTERN_PERIOD_HOUR},          {"hour", 3600, POSTERN_PERIOD_HOUR},
    {"d", 86400, POSTERN_PERIOD_DAY},          {"day", 86400, POSTERN_PERIOD_DAY},
    {"w", 604800, POSTERN_PERIOD_WEEK},        {"week", 604800, POSTERN_PERIOD_WEEK},
    {"month", 0, POSTERN_PERIOD_MONTH},        {"year", 0, POSTERN_PERIOD_YEAR},
    {"total", 0, POSTERN_PERIOD_TOTAL},
};

static const struct {
    const char *word;
    enum postern_algorithm algorithm;
} algorithms[] = {
    {"fixed_window", POSTERN_ALGORITHM_FIXED_WINDOW},
    {"sliding_window", POSTERN_ALGORITHM_SLIDING_WINDOW},
    {"token_bucket", POSTERN_ALGORITHM_TOKEN_BUCKET},
};

// ------------------------------------------------------------------------------------------------------- parse

// A parse under way; the first failure stands.
struct parse {
    const char *text;
    struct postern_limit limit;
    struct postern_error *error;
    enum postern_status status;
};

static bool wrong(struct parse *parse, const char *why, struct part at)
{
    parse->status =
        postern_fail_field(parse->error, POSTERN_INVALID_ARGUMENT, "limit",
                           "the limit \"%.100s\" is wrong at \"%.*s\": %s. Write it like requests=60/min, "
                           "productions=20/day, requests=300/min:token_bucket,burst=50 or requests=unlimited",
                           parse->text, at.size < 64 ? (int)at.size : 64, at.at, why);
    return false;
}

static bool is_name_byte(char c, bool first)
{
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    return plain || (!first && (c == '.' || c == '_' || c == '-'));
}

static bool parse_resource(struct parse *parse, struct part name)
{
    if (name.size == 0)
        return wrong(parse, "it does not begin with the name of a resource", name);
    if (name.size > POSTERN_RESOURCE_MAX)
        return wrong(parse, "the resource's name is longer than 64 bytes", name);
    for (size_t i = 0; i < name.size; i++)
        if (!is_name_byte(name.at[i], i == 0))
            return wrong(parse, "a resource's name has only a-z 0-9 . _ - and begins with a letter or digit", name);
    memcpy(parse->limit.resource, name.at, name.size);
    return true;
}

static bool parse_number(struct parse *parse, struct part digits, uint64_t *number)
{
    size_t count = postern_text_digits(digits.at, digits.size, number);
    if (digits.size == 0)
        return wrong(parse, "a number is missing", digits);
    if (count < digits.size)
        return wrong(parse, "this is not a whole number", digits);
    return *number <= POSTERN_AMOUNT_MAX || wrong(parse, "the number is larger than 9007199254740991", digits);
}

// Finds a window by its word or the plural of it.
static const struct unit *find_unit(struct part word)
{
    if (word.size > 3 && word.at[word.size - 1] == 's')
        word.size--;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (part_is(word, units[i].word))
            return &units[i];
    return NULL;
}

// Exactly one of a unit with a calendar period may be that period, which is a fixed window. Without an algorithm only
// those of a day and longer are, because up to an hour posternd chooses the sliding window.
static bool is_period(const struct unit *unit, uint64_t count, enum postern_algorithm algorithm)
{
    if (count != 1 || unit->period == POSTERN_PERIOD_UNSPECIFIED)
        return false;
    if (algorithm == POSTERN_ALGORITHM_UNSPECIFIED)
        return unit->period >= POSTERN_PERIOD_DAY;
    return algorithm == POSTERN_ALGORITHM_FIXED_WINDOW;
}

static bool parse_window(struct parse *parse, struct part window)
{
    uint64_t count;
    size_t digits = postern_text_digits(window.at, window.size, &count);
    struct part word = {.at = window.at + digits, .size = window.size - digits};
    if (digits == 0)
        count = 1;
    else if (!parse_number(parse, (struct part){.at = window.at, .size = digits}, &count))
        return false;
    const struct unit *unit = find_unit(word);
    if (unit == NULL)
        return wrong(
            parse,
            "the window is not one of s sec second m min minute h hour d day w week month year total, with an optional "
            "number before it",
            window);
    if (is_period(unit, count, parse->limit.algorithm)) {
        parse->limit.period = unit->period;
        return true;
    }
    if (unit->seconds == 0)
        return wrong(
            parse, "a month, a year and a total are one whole one and need fixed_window; for a fixed length write 30d",
            window);
    if (count == 0 || count > POSTERN_WINDOW_S_MAX / unit->seconds)
        return wrong(parse, "a window is at least 1 second and at most 31 days", window);
    parse->limit.window_s = (uint32_t)count * unit->seconds;
    return true;
}

static bool parse_algorithm(struct parse *parse, struct part options)
{
    struct part word, burst;
    bool more = cut(&options, ',', &word);
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (part_is(word, algorithms[i].word))
            parse->limit.algorithm = algorithms[i].algorithm;
    if (parse->limit.algorithm == POSTERN_ALGORITHM_UNSPECIFIED)
        return wrong(parse, "the algorithm is not one of fixed_window sliding_window token_bucket", word);
    if (!more)
        return true;
    struct part whole = options;
    if (!cut(&options, '=', &burst) || !part_is(burst, "burst"))
        return wrong(parse, "only burst=N may follow the algorithm", whole);
    if (parse->limit.algorithm != POSTERN_ALGORITHM_TOKEN_BUCKET)
        return wrong(parse, "only token_bucket has a burst", whole);
    if (!parse_number(parse, options, &parse->limit.burst))
        return false;
    return parse->limit.burst > 0 || wrong(parse, "a burst is at least 1", whole);
}

// ALGORITHM, shadow, or both.
static bool parse_options(struct parse *parse, struct part options)
{
    struct part first;
    bool both = cut(&options, ':', &first);
    if (both && !part_is(options, "shadow"))
        return wrong(parse, "only \"shadow\" may follow the algorithm", options);
    parse->limit.shadow = both || part_is(first, "shadow");
    return part_is(first, "shadow") ? !both || wrong(parse, "shadow comes last, once", first)
                                    : parse_algorithm(parse, first);
}

static bool parse_limit(struct parse *parse)
{
    struct part rest = {.at = parse->text, .size = strlen(parse->text)};
    struct part name, amount, window;
    if (!cut(&rest, '=', &name))
        return wrong(parse, "there is no \"=\" after the resource", name);
    if (!parse_resource(parse, name))
        return false;
    if (part_is(rest, "unlimited")) {
        parse->limit.unlimited = true;
        return true;
    }
    if (!cut(&rest, '/', &amount))
        return wrong(parse, "there is no \"/\" and window after the amount", amount);
    if (!parse_number(parse, amount, &parse->limit.amount))
        return false;
    if (cut(&rest, ':', &window) && !parse_options(parse, rest))
        return false;
    return parse_window(parse, window);
}

enum postern_status postern_limit_parse(const char *text, struct postern_limit *limit, struct postern_error *error)
{
    struct parse parse = {.text = text != NULL ? text : "", .error = error, .status = POSTERN_OK};
    if (error != NULL)
        *error = (struct postern_error){0};
    *limit = (struct postern_limit){0};
    if (parse_limit(&parse))
        *limit = parse.limit;
    return parse.status;
}

// ------------------------------------------------------------------------------------------------------ format

// Would posternd choose this algorithm for this window by itself?
static bool is_default(const struct postern_limit *limit)
{
    bool calendar = limit->period >= POSTERN_PERIOD_DAY;
    if (limit->algorithm == POSTERN_ALGORITHM_UNSPECIFIED)
        return true;
    if (limit->algorithm == POSTERN_ALGORITHM_SLIDING_WINDOW)
        return limit->window_s <= 3600;
    return limit->algorithm == POSTERN_ALGORITHM_FIXED_WINDOW &&
           (calendar || (limit->period == POSTERN_PERIOD_UNSPECIFIED && limit->window_s > 3600));
}

static const char *period_word(enum postern_period period)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].period == period && period != POSTERN_PERIOD_UNSPECIFIED && strlen(units[i].word) >= 3)
            return units[i].word;
    return NULL;
}

// The largest unit that divides the window, but not one that alone would be read as a calendar period.
static size_t format_window(const struct postern_limit *limit, char *out, size_t room)
{
    static const struct {
        const char *one, *many;
    } words[] = {{"day", "d"}, {"hour", "h"}, {"min", "min"}, {"s", "s"}};
    const char *period = period_word(limit->period);
    if (period != NULL)
        return (size_t)snprintf(out, room, "%s", period);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const struct unit *unit = find_unit((struct part){.at = words[i].one, .size = strlen(words[i].one)});
        uint32_t count = limit->window_s / unit->seconds;
        if (limit->window_s % unit->seconds != 0 || is_period(unit, count, limit->algorithm))
            continue;
        if (count == 1)
            return (size_t)snprintf(out, room, "%s", words[i].one);
        return (size_t)snprintf(out, room, "%u%s", count, words[i].many);
    }
    return (size_t)snprintf(out, room, "0s");
}

static const char *algorithm_word(enum postern_algorithm algorithm)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (algorithms[i].algorithm == algorithm)
            return algorithms[i].word;
    return "unknown";
}

size_t postern_limit_format(const struct postern_limit *limit, char text[POSTERN_LIMIT_TEXT_MAX + 1])
{
    size_t room = POSTERN_LIMIT_TEXT_MAX + 1; // every part is bounded: 64 + 20 + 12 + 16 + 26 with the separators
    if (limit->unlimited)
        return (size_t)snprintf(text, room, "%.64s=unlimited", limit->resource);
    size_t size = (size_t)snprintf(text, room, "%.64s=%llu/", limit->resource, (unsigned long long)limit->amount);
    size += format_window(limit, text + size, room - size);
    if (!is_default(limit))
        size += (size_t)snprintf(text + size, room - size, ":%s", algorithm_word(limit->algorithm));
    if (limit->algorithm == POSTERN_ALGORITHM_TOKEN_BUCKET && limit->burst != 0 && limit->burst != limit->amount)
        size += (size_t)snprintf(text + size, room - size, ",burst=%llu", (unsigned long long)limit->burst);
    if (limit->shadow)
        size += (size_t)snprintf(text + size, room - size, ":shadow");
    return size;
}
