// Windows of the calendar: which one a time is in, and when it begins and ends.
//
// The problem: a window of a day or a month is the calendar's at the installation's offset from UTC, months differ in
// length, and a damaged record may name any window. So months are counted as days by the arithmetic of the proleptic
// Gregorian calendar, with the leap day at the end of a year that begins in March, and window numbers that are out of
// reach end at a last one. Years are twelve months, weeks begin on Mondays, and the total is one window without an end.
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

// Only calendar periods use the offset. Times before the epoch become the epoch.
static uint64_t to_local_ms(const struct limit_rate *rate, uint64_t t)
{
    if (rate->period == LIMIT_NO_PERIOD)
        return t;
    if (rate->utc_offset_s >= 0)
        return t + (uint64_t)rate->utc_offset_s * MS_PER_S;
    uint64_t behind_ms = (uint64_t)(-(int64_t)rate->utc_offset_s) * MS_PER_S;
    return t > behind_ms ? t - behind_ms : 0;
}

static uint64_t from_local_ms(const struct limit_rate *rate, uint64_t local_ms)
{
    if (rate->period == LIMIT_NO_PERIOD)
        return local_ms;
    if (rate->utc_offset_s < 0)
        return local_ms + (uint64_t)(-(int64_t)rate->utc_offset_s) * MS_PER_S;
    uint64_t ahead_ms = (uint64_t)rate->utc_offset_s * MS_PER_S;
    return local_ms > ahead_ms ? local_ms - ahead_ms : 0;
}

uint64_t limit_calendar_index(const struct limit_rate *rate, uint64_t t)
{
    uint64_t local_ms = to_local_ms(rate, t);
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
    return month_index > LAST_MONTH ? LAST_MS : from_local_ms(rate, days_of_month(month_index) * DAY_MS);
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
            return from_local_ms(rate, (index * DAYS_PER_WEEK - EPOCH_FROM_MONDAY) * DAY_MS);
        return LAST_MS;
    case LIMIT_NO_PERIOD:
    case LIMIT_MINUTE:
    case LIMIT_HOUR:
    case LIMIT_DAY:
        break;
    }
    return index > LAST_MS / rate->window_ms ? LAST_MS : from_local_ms(rate, index * rate->window_ms);
}

struct limit_span limit_calendar_span(const struct limit_rate *rate, uint64_t index)
{
    return (struct limit_span){.begin_ms = begin_of(rate, index), .end_ms = begin_of(rate, limit_add(index, 1))};
}
