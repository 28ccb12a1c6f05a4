// Aligned windows: numbers and boundaries of calendar periods and of plain intervals. Pure integer arithmetic.
//
// Calendar periods are counted in local time, plain intervals from the Unix epoch. Months are those of the proleptic
// Gregorian calendar, by Howard Hinnant's days_from_civil and civil_from_days
// (https://howardhinnant.github.io/date_algorithms.html).
#ifndef LIMIT_CALENDAR_H
#define LIMIT_CALENDAR_H

#include "limit/algorithm.h"

struct limit_span {
    uint64_t begin_ms;
    uint64_t end_ms; // exclusive
};

// Returns the window that holds `t`. The windows of a rate have no gaps and do not overlap.
struct limit_span limit_calendar_window(const struct limit_rate *rate, uint64_t t);
// Returns the number that the local calendar gives to the window that holds `t`; later windows have no smaller ones.
uint64_t limit_calendar_index(const struct limit_rate *rate, uint64_t t);
// Returns where the windows of a number begin and end, for records of older versions, which have nothing else.
struct limit_span limit_calendar_span(const struct limit_rate *rate, uint64_t index);

#endif
