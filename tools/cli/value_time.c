// Reads spans of time and moments from text. Says what is wrong with a date that no calendar has: timegm would make
// 3 March of 31 February without a word.
#include "cli.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#define MOMENT_MS_MAX UINT64_C(253402300799999) // the end of the year 9999
#define NOT_BETWEEN   "it is not between the years 1970 and 9999: the latest moment is 9999-12-31T23:59:59Z"

// ------------------------------------------------------------------------------------------------------------- spans

// Is it the word, or its plural?
static bool is_word(const char *text, const char *word)
{
    size_t size = strlen(word);
    return strncmp(text, word, size) == 0 && (text[size] == '\0' || (size > 2 && strcmp(text + size, "s") == 0));
}

// Months and years are no spans, however they are written: 1mo, 2months, 1y, 1Y, 1yr.
static bool is_of_calendar(const char *unit)
{
    static const char *const words[] = {"mo", "mos", "mon", "mth", "month", "y", "yr", "yrs", "year"};
    char lower[8] = "";
    if (strcmp(unit, "M") == 0)
        return true;
    for (size_t i = 0; i + 1 < sizeof lower && unit[i] != '\0'; i++)
        lower[i] = (char)tolower((unsigned char)unit[i]);
    for (size_t i = 0; strlen(unit) < sizeof lower && i < sizeof words / sizeof words[0]; i++)
        if (is_word(lower, words[i]))
            return true;
    return false;
}

bool value_span(const char *text, uint64_t *span_ms)
{
    static const struct {
        const char *word;
        uint64_t ms;
    } units[] = {
        {"ms", 1},         {"s", 1000},       {"sec", 1000},       {"second", 1000},  {"m", 60000},
        {"min", 60000},    {"minute", 60000}, {"h", 3600000},      {"hour", 3600000}, {"d", 86400000},
        {"day", 86400000}, {"w", 604800000},  {"week", 604800000},
    };
    const char *unit;
    if (!value_digits(text, span_ms, &unit)) {
        *span_ms = 0;
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (is_word(unit, units[i].word)) {
            bool fits = *span_ms <= MOMENT_MS_MAX / units[i].ms;
            *span_ms = fits ? *span_ms * units[i].ms : UINT64_MAX;
            return fits;
        }
    *span_ms = 0;
    return false;
}

// ---------------------------------------------------------------------------------------------------------- calendar

static bool wrong(struct value_moment *moment, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(struct value_moment *moment, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(moment->wrong, sizeof moment->wrong, format, arguments);
    va_end(arguments);
    return false;
}

// A moment as it was written.
struct calendar {
    unsigned year, month, day, hour, minute, second, ms;
    bool has_zone;
    char sign; // of the zone's offset
    unsigned zone_hour, zone_minute;
};

// Takes a number of exactly so many digits off the front of *text.
static bool take_number(const char **text, int digits, unsigned *number)
{
    *number = 0;
    for (; digits > 0; digits--, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *number = *number * 10 + (unsigned)(**text - '0');
    }
    return true;
}

// Takes one of these characters.
static bool take_mark(const char **text, const char *marks)
{
    if (**text == '\0' || strchr(marks, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

// A fraction is cut to milliseconds.
static bool take_fraction(const char **text, unsigned *ms)
{
    unsigned digit, weight = 100;
    if (!take_number(text, 1, &digit))
        return false;
    do {
        *ms += weight * digit;
        weight /= 10;
    } while (take_number(text, 1, &digit));
    return true;
}

static bool take_time(const char **text, struct calendar *at)
{
    if (!take_number(text, 2, &at->hour) || !take_mark(text, ":") || !take_number(text, 2, &at->minute))
        return false;
    if (take_mark(text, ":") && !take_number(text, 2, &at->second))
        return false;
    return !take_mark(text, ".") || take_fraction(text, &at->ms);
}

static bool take_zone(const char **text, struct calendar *at)
{
    at->sign = **text;
    at->has_zone = at->sign != '\0';
    if (!at->has_zone || take_mark(text, "Zz"))
        return true;
    return take_mark(text, "+-") && take_number(text, 2, &at->zone_hour) && take_mark(text, ":") &&
           take_number(text, 2, &at->zone_minute);
}

// Has the text the shape of a date, alone or with a time behind it? RFC 3339, where a blank may stand for the T, and
// seconds and zone may be missing.
static bool read_calendar(const char *text, struct calendar *at)
{
    *at = (struct calendar){0};
    if (!take_number(&text, 4, &at->year) || !take_mark(&text, "-") || !take_number(&text, 2, &at->month) ||
        !take_mark(&text, "-") || !take_number(&text, 2, &at->day))
        return false;
    if (*text == '\0')
        return true;
    return take_mark(&text, "Tt ") && take_time(&text, at) && take_zone(&text, at) && *text == '\0';
}

static bool has_day(const struct calendar *at, struct value_moment *moment)
{
    static const struct {
        const char *name;
        unsigned days;
    } months[] = {
        {"January", 31}, {"February", 28}, {"March", 31},     {"April", 30},   {"May", 31},      {"June", 30},
        {"July", 31},    {"August", 31},   {"September", 30}, {"October", 31}, {"November", 30}, {"December", 31},
    };
    if (at->month < 1 || at->month > 12)
        return wrong(moment, "there is no month %u; a date is YEAR-MONTH-DAY, 2027-01-31", at->month);
    bool is_leap_year = (at->year % 4 == 0 && at->year % 100 != 0) || at->year % 400 == 0;
    unsigned days = months[at->month - 1].days + (at->month == 2 && is_leap_year);
    if (at->day < 1 || at->day > days)
        return wrong(moment, "there is no %u %s %u, which has %u days", at->day, months[at->month - 1].name, at->year,
                     days);
    return true;
}

static bool has_time(const struct calendar *at, struct value_moment *moment)
{
    if (at->hour > 23)
        return wrong(moment, "there is no hour %u", at->hour);
    if (at->minute > 59)
        return wrong(moment, "there is no minute %u", at->minute);
    if (at->second > 59)
        return wrong(moment, "there is no second %u", at->second);
    if (at->zone_hour > 23 || at->zone_minute > 59)
        return wrong(moment, "there is no zone %c%02u:%02u", at->sign, at->zone_hour, at->zone_minute);
    return true;
}

static bool convert(const struct calendar *at, struct value_moment *moment)
{
    struct tm tm = {.tm_year = (int)at->year - 1900,
                    .tm_mon = (int)at->month - 1,
                    .tm_mday = (int)at->day,
                    .tm_hour = (int)at->hour,
                    .tm_min = (int)at->minute,
                    .tm_sec = (int)at->second};
    long long offset_s = (long long)at->zone_hour * 3600 + (long long)at->zone_minute * 60;
    long long seconds = (long long)timegm(&tm) + (at->sign == '-' ? offset_s : -offset_s);
    if (seconds <= 0 || (uint64_t)seconds > MOMENT_MS_MAX / 1000)
        return wrong(moment, NOT_BETWEEN);
    moment->ms = (uint64_t)seconds * 1000 + at->ms;
    moment->is_utc_assumed = !at->has_zone;
    return true;
}

// ----------------------------------------------------------------------------------------------------------- moments

// Unix milliseconds of this century have twelve digits or more; fewer would be seconds by mistake.
static bool read_unix_ms(uint64_t number, size_t digits, struct value_moment *moment)
{
    if (digits < 12)
        return wrong(moment, "a number alone is Unix milliseconds and has at least 12 digits; a span has a unit, 90d");
    if (number > MOMENT_MS_MAX)
        return wrong(moment, NOT_BETWEEN);
    moment->ms = number;
    return true;
}

static bool count_span(uint64_t span_ms, bool past, uint64_t now_ms, struct value_moment *moment)
{
    if (!past && span_ms > MOMENT_MS_MAX - now_ms)
        return wrong(moment, "the latest moment is 9999-12-31T23:59:59Z, so that a span is %llud at most",
                     (unsigned long long)((MOMENT_MS_MAX - now_ms) / 86400000));
    moment->ms = past ? (now_ms > span_ms ? now_ms - span_ms : 1) : now_ms + span_ms;
    return true;
}

bool value_moment(const char *text, bool past, uint64_t now_ms, struct value_moment *moment)
{
    struct calendar at;
    uint64_t number;
    const char *rest = "";
    *moment = (struct value_moment){0};
    if (strcmp(text, "never") == 0)
        return true;
    if (read_calendar(text, &at))
        return has_day(&at, moment) && has_time(&at, moment) && convert(&at, moment);
    if (value_digits(text, &number, &rest) && *rest == '\0')
        return read_unix_ms(number, strlen(text), moment);
    if (value_span(text, &number) || number == UINT64_MAX)
        return count_span(number, past, now_ms, moment);
    if (is_of_calendar(rest))
        return wrong(moment, "months and years differ in length: write days, 90d, or a date");
    moment->is_unlike_any = true;
    return wrong(moment, "give a span (90d, 12h, 2w), a date (2027-01-31, or 2027-01-31 12:00:00, in UTC), RFC 3339 "
                         "(2027-01-31T12:00:00+02:00) or Unix milliseconds");
}
