// The footer of a file of tzdata is the zone's rule for all years to come: "CET-1CEST,M3.5.0,M10.5.0/3".
//
// The problem: it names days by month, week and weekday, and each of the two offsets begins by the clock of the other
// one; in the south daylight time spans the turn of the year, in a zone that has it all year its end is the next one's
// begin, and a time of day may be a week before or behind its day. So the jumps of five years, two before and two
// behind included, are put in order, and a time is between two of them. Times are whole seconds and 64 bits wide.
#include "zone/footer.h"

#include "base/text.h"

enum { DAY_S = 86400, HOUR_S = 3600, MINUTE_S = 60, NAME_MIN = 3, DAYS_PER_ERA = 146097 };
enum { YEARS = 5, JUMPS = 2 * YEARS, DATE_HOURS_MAX = 167, OFFSET_HOURS_MAX = 25 };
// Where the list of jumps is not asked for any more: far beyond the wire's last time.
static const int64_t LAST_S = INT64_C(3155760000000); // about the year 100000

// --- parsing

static bool take(struct slice *rest, char byte)
{
    if (rest->size == 0 || rest->data[0] != (uint8_t)byte)
        return false;
    *rest = slice_make(rest->data + 1, rest->size - 1);
    return true;
}

static bool next_is(const struct slice *rest, char low, char high)
{
    return rest->size > 0 && rest->data[0] >= (uint8_t)low && rest->data[0] <= (uint8_t)high;
}

static bool take_number(struct slice *rest, int32_t min, int32_t max, int32_t *out)
{
    uint64_t number;
    if (!text_take_number(rest, &number) || number > (uint64_t)max)
        return false;
    *out = (int32_t)number;
    return *out >= min;
}

static bool take_letter(struct slice *rest, bool quoted)
{
    bool is_part = next_is(rest, 'A', 'Z') || next_is(rest, 'a', 'z');
    is_part = is_part || (quoted && (next_is(rest, '0', '9') || next_is(rest, '+', '+') || next_is(rest, '-', '-')));
    return is_part && take(rest, (char)rest->data[0]);
}

// "CET", or "<+03>".
static bool take_name(struct slice *rest)
{
    size_t letters = 0;
    bool quoted = take(rest, '<');
    while (take_letter(rest, quoted))
        letters++;
    return letters >= NAME_MIN && (!quoted || take(rest, '>'));
}

// [+-]hh[:mm[:ss]]
static bool take_time(struct slice *rest, int32_t hours_max, int32_t *out)
{
    int32_t hours, minutes = 0, seconds = 0;
    bool negative = take(rest, '-');
    if (!negative)
        (void)take(rest, '+');
    if (!take_number(rest, 0, hours_max, &hours))
        return false;
    if (take(rest, ':') &&
        (!take_number(rest, 0, 59, &minutes) || (take(rest, ':') && !take_number(rest, 0, 59, &seconds))))
        return false;
    int32_t time_s = hours * HOUR_S + minutes * MINUTE_S + seconds;
    *out = negative ? -time_s : time_s;
    return true;
}

static bool take_day(struct slice *rest, struct zone_date *out)
{
    if (take(rest, 'M')) {
        out->kind = ZONE_DAY_OF_MONTH;
        return take_number(rest, 1, 12, &out->month) && take(rest, '.') && take_number(rest, 1, 5, &out->week) &&
               take(rest, '.') && take_number(rest, 0, 6, &out->day);
    }
    bool skips_leap_day = take(rest, 'J');
    out->kind = skips_leap_day ? ZONE_DAY_WITHOUT_LEAP : ZONE_DAY_OF_YEAR;
    return take_number(rest, skips_leap_day ? 1 : 0, 365, &out->day);
}

static bool take_date(struct slice *rest, struct zone_date *out)
{
    out->time_s = 2 * HOUR_S;
    return take(rest, ',') && take_day(rest, out) &&
           (!take(rest, '/') || take_time(rest, DATE_HOURS_MAX, &out->time_s));
}

// The text has offsets from local time to UTC: positive in the west.
static bool take_offset(struct slice *rest, int32_t *out)
{
    bool taken = take_time(rest, OFFSET_HOURS_MAX, out);
    *out = -*out;
    return taken && *out >= ZONE_OFFSET_MIN_S && *out <= ZONE_OFFSET_MAX_S;
}

bool zone_footer_parse(struct slice text, struct zone_footer *out)
{
    struct slice rest = text;
    *out = (struct zone_footer){0};
    if (!take_name(&rest) || !take_offset(&rest, &out->standard_s))
        return false;
    if (rest.size == 0)
        return true;
    out->has_daylight = true;
    out->daylight_s = out->standard_s + HOUR_S;
    if (!take_name(&rest) || (!next_is(&rest, ',', ',') && !take_offset(&rest, &out->daylight_s)))
        return false;
    return out->daylight_s <= ZONE_OFFSET_MAX_S && take_date(&rest, &out->begin) && take_date(&rest, &out->end) &&
           rest.size == 0;
}

// --- dates

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Returns the days from 1970-01-01 to the first of January, by the calendar's rule.
static int64_t days_of_year(int64_t year)
{
    int64_t before = year - 1;
    return 365 * (year - 1970) + floor_divide(before, 4) - floor_divide(before, 100) + floor_divide(before, 400) -
           (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t year_of_days(int64_t days)
{
    int64_t year = 1970 + floor_divide(days * 400, DAYS_PER_ERA); // off by one at most
    while (days_of_year(year + 1) <= days)
        year++;
    while (days_of_year(year) > days)
        year--;
    return year;
}

// Returns the days from the first of January to the first of a month.
static int64_t days_before_month(int64_t year, int32_t month)
{
    static const int32_t days[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    return days[month - 1] + (month > 2 && is_leap(year));
}

static int64_t day_by_weekday(int64_t year, const struct zone_date *date)
{
    int64_t first = days_of_year(year) + days_before_month(year, date->month);
    int64_t weekday = (first % 7 + 7 + 4) % 7; // 1970-01-01 was a Thursday
    int64_t day = (date->day - weekday + 7) % 7 + 7 * (int64_t)(date->week - 1);
    int64_t length = days_before_month(year, date->month + 1) - days_before_month(year, date->month);
    return first + (day < length ? day : day - 7);
}

// Returns when it is, in seconds of the local clock.
static int64_t date_of(int64_t year, const struct zone_date *date)
{
    int64_t day = 0;
    switch (date->kind) {
    case ZONE_DAY_OF_MONTH:
        day = day_by_weekday(year, date);
        break;
    case ZONE_DAY_WITHOUT_LEAP:
        day = days_of_year(year) + date->day - 1 + (date->day > 59 && is_leap(year));
        break;
    case ZONE_DAY_OF_YEAR:
        day = days_of_year(year) + date->day;
        break;
    }
    return day * DAY_S + date->time_s;
}

// --- jumps

struct jump {
    int64_t at_s;
    int32_t offset_s; // from then on
};

// Jumps at one time stay in the order in which they come: daylight time that ends with its next begin goes on.
static void insert(struct jump *jumps, size_t count, struct jump jump)
{
    size_t i = count;
    for (; i > 0 && jumps[i - 1].at_s > jump.at_s; i--)
        jumps[i] = jumps[i - 1];
    jumps[i] = jump;
}

struct zone_segment zone_footer_at(const struct zone_footer *footer, int64_t t_s)
{
    struct zone_segment segment = {INT64_MIN, INT64_MAX, footer->standard_s};
    if (!footer->has_daylight || t_s > LAST_S || t_s < -LAST_S)
        return segment;
    struct jump jumps[JUMPS];
    size_t count = 0;
    int64_t year = year_of_days(floor_divide(t_s, DAY_S)) - YEARS / 2;
    for (; count < JUMPS; year++) {
        struct jump end = {date_of(year, &footer->end) - footer->daylight_s, footer->standard_s};
        struct jump begin = {date_of(year, &footer->begin) - footer->standard_s, footer->daylight_s};
        insert(jumps, count++, end);
        insert(jumps, count++, begin);
    }
    size_t next = 0;
    while (next < JUMPS && jumps[next].at_s <= t_s)
        next++;
    segment.offset_s = next > 0 ? jumps[next - 1].offset_s : footer->standard_s;
    segment.begin_s = next > 0 ? jumps[next - 1].at_s : INT64_MIN;
    segment.end_s = next < JUMPS ? jumps[next].at_s : INT64_MAX;
    return segment;
}
