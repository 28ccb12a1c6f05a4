// --clear-clock: for an operator whose daemon's time has followed a wall clock that was far ahead.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "main.h"

enum { STAMP_SIZE = 32 };

static const char *stamp(uint64_t ms, char out[STAMP_SIZE])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL || strftime(out, STAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        (void)snprintf(out, STAMP_SIZE, "%" PRIu64 " ms", ms);
    return out;
}

static int say_nothing_to_do(const char *data, const struct meter_clock_reset *reset)
{
    char daemon[STAMP_SIZE], wall[STAMP_SIZE];
    printf("%s: nothing to clear: the daemon's time is %s, the wall clock says %s\n", data,
           stamp(reset->old_ms, daemon), stamp(reset->new_ms, wall));
    return EXIT_SUCCESS;
}

static int say_reset(const char *data, const struct meter_clock_reset *reset)
{
    char before[STAMP_SIZE], now[STAMP_SIZE];
    printf("%s: the daemon's time was %s and is %s now, the wall clock's\n", data, stamp(reset->old_ms, before),
           stamp(reset->new_ms, now));
    printf("%s: of %" PRIu64 " stored limits %" PRIu64 " were from the future and begin afresh: each may admit once "
           "more what it had admitted already\n",
           data, reset->meters, reset->dropped);
    printf("%s: changes made meanwhile keep their times, and keys that expired only then are valid again: see "
           "postern audit --from %s\n",
           data, now);
    return EXIT_SUCCESS;
}

int main_reset_clock(struct daemon *daemon)
{
    struct meter_clock_reset reset;
    const char *data = daemon->config.data;
    enum status status = meter_reset_clock(daemon->meters_store, clock_system_source(), &reset);
    if (status == STATUS_OK)
        return say_reset(data, &reset);
    if (status == STATUS_FAILED_PRECONDITION)
        return say_nothing_to_do(data, &reset);
    if (status == STATUS_NOT_FOUND)
        printf("%s: holds no clock's mark: no daemon has served from it yet, and there is nothing to clear\n", data);
    else
        printf("%s: the clock cannot be cleared: %s: what the log says must be mended first; then run this again\n",
               data, status_name(status));
    return EXIT_FAILURE;
}
