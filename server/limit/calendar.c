// Windows of the calendar: which one a time is in, and when it begins and ends.
//
// The problem: a window of a day or a month is the local calendar's. Months differ in length, days have 23 to 25 hours
// where the clock is put forward and back, a midnight may not exist or come twice, a whole day may be left out, and a
// damaged record may name any window. So a boundary is counted as a local time by the arithmetic of the proleptic
// Gregorian calendar, with the leap day at the end of a year that begins in March, and is the first moment at which the
// local clock shows that time or a later one (zone_first_at). As boundaries are in the order of their local times,
// windows have no gaps and do not overlap: what comes twice is in the window in which it came first. Years are twelve
// months, weeks begin on Mondays, the total is one window without an end, and window numbers that are out of reach end
// at a last one.
//
// Hours and minutes are another matter: an hour that comes twice has to be two windows, or a limit per minute would
// stand still for that hour. They are counted in the offset that holds, and a jump that is no whole number of them
// (half an hour on Lord Howe) cuts one short.
#include "limit/calendar.h"

enum { MS_PER_S = 1000, DAY_MS = 86400000, DAYS_PER_ERA = 146097, EPOCH_FROM_MARCH_0000 = 719468 };

enum { DAYS_PER_WEEK = 7, EPOCH_FROM_MONDAY = 3, MONTHS_PER_YEAR = 12 }; // 1970-01-01 was a Thursday

// Far beyond the wire's last time (year 9999); larger window numbers, of a damaged record, end here.
#define LAST_MS LIMIT_NEVER_MS
static const uint64_t FIRST_MONTH = 12 * UINT64_C(1970);
static const uint64_t LAST_MONTH = 12 * UINT64_C(100000);

// Returns the days from 1970-01-01 to the first of a month; months are counted from January of year 0.
static uint64_t days_of_month(uint64_t month_index)
{
    uint64_t year = month_index / 12;
    uint64_t month = month_index % 12 + 1;
    uint64_t march_year = month > 2 ? year : year - 1; // years that begin in March have the leap day at their end
    uint64_t era = march_year / 400;
    uint64_t year_of_era = march_year % 400;
    uint64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
    uint64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - EPOCH_FROM_MARCH_0000;
}

static uint64_t month_of_days(uint64_t days)
{
    uint64_t shifted = days + EPOCH_FROM_MARCH_0000;
    uint64_t era = shifted / DAYS_PER_ERA;
    uint64_t day_of_era = shifted % DAYS_PER_ERA;
    uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month_from_march = (5 * day_of_year + 2) / 153;
    uint64_t march_year = year_of_era + era * 400;
    return march_year * 12 + month_from_march + 2;
}

static uint64_t ms_of(int64_t t_s)
{
    return t_s > 0 ? (uint64_t)t_s * MS_PER_S : 0;
}

// Returns the first moment of a local time; plain intervals have no other than the epoch's.
static uint64_t first_at(const struct limit_rate *rate, uint64_t local_ms)
{
    return rate->zone == NULL ? local_ms : ms_of(zone_first_at(rate->zone, (int64_t)(local_ms / MS_PER_S)));
}

// Returns what the local clock shows. Times before the epoch become the epoch.
static uint64_t to_local_ms(const struct limit_rate *rate, uint64_t t)
{
    if (rate->zone == NULL)
        return t;
    int64_t offset_ms = (int64_t)zone_at(rate->zone, (int64_t)(t / MS_PER_S)).offset_s * MS_PER_S;
    if (offset_ms >= 0)
        return t + (uint64_t)offset_ms;
    uint64_t behind_ms = (uint64_t)-offset_ms;
    return t > behind_ms ? t - behind_ms : 0;
}

// Is the window shorter than what the clock may be put back by?
static bool is_short(const struct limit_rate *rate)
{
    return rate->period == LIMIT_MINUTE || rate->period == LIMIT_HOUR;
}

static uint64_t index_of_local(const struct limit_rate *rate, uint64_t local_ms)
{
    uint64_t days = local_ms / DAY_MS;
    switch (rate->period) {
    case LIMIT_MONTH:
        return month_of_days(days);
    case LIMIT_YEAR:
        return month_of_days(days) / MONTHS_PER_YEAR;
    case LIMIT_WEEK:
        return (days + EPOCH_FROM_MONDAY) / DAYS_PER_WEEK;
    case LIMIT_TOTAL:
        return 0;
    case LIMIT_NO_PERIOD:
    case LIMIT_MINUTE:
    case LIMIT_HOUR:
    case LIMIT_DAY:
        break;
    }
    return local_ms / rate->window_ms;
}

static uint64_t begin_of_month(const struct limit_rate *rate, uint64_t month_index)
{
    if (month_index < FIRST_MONTH)
        return 0;
    return month_index > LAST_MONTH ? LAST_MS : first_at(rate, days_of_month(month_index) * DAY_MS);
}

static uint64_t begin_of(const struct limit_rate *rate, uint64_t index)
{
    switch (rate->period) {
    case LIMIT_MONTH:
        return begin_of_month(rate, index);
    case LIMIT_YEAR:
        return index > LAST_MONTH / MONTHS_PER_YEAR ? LAST_MS : begin_of_month(rate, index * MONTHS_PER_YEAR);
    case LIMIT_TOTAL:
        return index == 0 ? 0 : LAST_MS;
    case LIMIT_WEEK:
        if (index == 0)
            return 0;
        if (index <= LAST_MS / (DAYS_PER_WEEK * (uint64_t)DAY_MS))
            return first_at(rate, (index * DAYS_PER_WEEK - EPOCH_FROM_MONDAY) * DAY_MS);
        return LAST_MS;
    case LIMIT_NO_PERIOD:
    case LIMIT_MINUTE:
    case LIMIT_HOUR:
    case LIMIT_DAY:
        break;
    }
    return index > LAST_MS / rate->window_ms ? LAST_MS : first_at(rate, index * rate->window_ms);
}

// A clock that was put back over a boundary shows a window again that is over.
uint64_t limit_calendar_index(const struct limit_rate *rate, uint64_t t)
{
    uint64_t index = index_of_local(rate, to_local_ms(rate, t));
    while (rate->zone != NULL && !is_short(rate) && t < LAST_MS && begin_of(rate, index + 1) <= t)
        index++;
    return index;
}

struct limit_span limit_calendar_span(const struct limit_rate *rate, uint64_t index)
{
    return (struct limit_span){.begin_ms = begin_of(rate, index), .end_ms = begin_of(rate, limit_add(index, 1))};
}

// Does the jump between two offsets move where windows begin?
static bool cuts(const struct limit_rate *rate, int32_t offset_s, int32_t other_s)
{
    return (int64_t)(offset_s - other_s) * MS_PER_S % (int64_t)rate->window_ms != 0;
}

// An hour or a minute, in the offset that holds. Neighbouring segments that do not cut it may end inside it.
static struct limit_span short_window(const struct limit_rate *rate, uint64_t t)
{
    struct zone_segment segment = zone_at(rate->zone, (int64_t)(t / MS_PER_S));
    int64_t local_ms = (int64_t)t + (int64_t)segment.offset_s * MS_PER_S, window_ms = (int64_t)rate->window_ms;
    int64_t begin_ms = (int64_t)t - (local_ms % window_ms + window_ms) % window_ms;
    int64_t end_ms = begin_ms + window_ms;
    if (segment.begin_s > begin_ms / MS_PER_S &&
        cuts(rate, segment.offset_s, zone_at(rate->zone, segment.begin_s - 1).offset_s))
        begin_ms = segment.begin_s * MS_PER_S;
    if (segment.end_s < end_ms / MS_PER_S && cuts(rate, segment.offset_s, zone_at(rate->zone, segment.end_s).offset_s))
        end_ms = segment.end_s * MS_PER_S;
    return (struct limit_span){.begin_ms = begin_ms > 0 ? (uint64_t)begin_ms : 0, .end_ms = (uint64_t)end_ms};
}

struct limit_span limit_calendar_window(const struct limit_rate *rate, uint64_t t)
{
    if (rate->zone != NULL && is_short(rate) && t < LAST_MS)
        return short_window(rate, t);
    return limit_calendar_span(rate, limit_calendar_index(rate, t));
}
