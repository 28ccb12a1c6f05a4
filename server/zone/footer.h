// Room-private: the rule for the years beyond a zone's list, which is the footer of its file. It is written as in the
// environment's TZ (POSIX, and RFC 8536 3.3.1).
#ifndef ZONE_FOOTER_H
#define ZONE_FOOTER_H

#include "zone/zone.h"

enum zone_day_kind { ZONE_DAY_OF_MONTH, ZONE_DAY_WITHOUT_LEAP, ZONE_DAY_OF_YEAR };

// When one of the two offsets begins in a year.
struct zone_date {
    enum zone_day_kind kind;
    int32_t month; // M month.week.day: 1-12, 1-5 (5: the last), 0-6 (0: Sunday)
    int32_t week;
    int32_t day; // or J 1-365 (29 February has none), or 0-365
    int32_t time_s;
};

struct zone_footer {
    int32_t standard_s; // offsets from UTC, positive in the east
    int32_t daylight_s;
    bool has_daylight;      // otherwise the rest is 0
    struct zone_date begin; // of daylight time, by the standard clock
    struct zone_date end;   // of it, by its own clock
};

// False when the text is no such rule.
bool zone_footer_parse(struct slice text, struct zone_footer *out);
// Returns the segment that holds a time.
struct zone_segment zone_footer_at(const struct zone_footer *footer, int64_t t_s);

#endif
