// Writes the pieces of answers for people: times, spans and lists.
#include "cli.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

const char *output_time(uint64_t moment_ms, const char *none, char buffer[OUTPUT_TIME_SIZE])
{
    time_t seconds = (time_t)(moment_ms / 1000);
    struct tm tm;
    if (moment_ms == 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(buffer, OUTPUT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return none;
    return buffer;
}

// Picks the unit that leaves a number of two digits or so. Rounds, so that what was made for 20 days expires in 20
// days.
static uint64_t in_unit(uint64_t span_ms, const char **unit)
{
    static const struct {
        uint64_t below_ms, ms;
        const char *unit;
    } units[] = {
        {119500, 1000, "s"}, {7170000, 60000, "min"}, {171000000, 3600000, "h"}, {UINT64_MAX, 86400000, "days"}};
    size_t i = 0;
    while (span_ms >= units[i].below_ms)
        i++;
    *unit = units[i].unit;
    return (span_ms + units[i].ms / 2) / units[i].ms;
}

const char *output_when(uint64_t moment_ms, uint64_t now_ms, const char *none, char buffer[OUTPUT_TIME_SIZE])
{
    bool past = moment_ms <= now_ms;
    const char *unit;
    if (moment_ms == 0)
        return none;
    uint64_t count = in_unit(past ? now_ms - moment_ms : moment_ms - now_ms, &unit);
    if (count == 0)
        return "now";
    snprintf(buffer, OUTPUT_TIME_SIZE, "%s%llu %s%s", past ? "" : "in ", (unsigned long long)count, unit,
             past ? " ago" : "");
    return buffer;
}

const char *output_span(uint64_t span_ms, char buffer[OUTPUT_TIME_SIZE])
{
    static const struct {
        uint64_t from_ms, ms, parts;
        const char *unit, *part;
    } units[] = {
        {172800000, 86400000, 24, "days", "h"},
        {7200000, 3600000, 60, "h", "min"},
        {0, 60000, 60, "min", "s"},
    };
    if (span_ms < 120000) {
        uint64_t tenths = span_ms / 100 + (span_ms % 100 != 0);
        snprintf(buffer, OUTPUT_TIME_SIZE, "%llu.%llu s", (unsigned long long)(tenths / 10),
                 (unsigned long long)(tenths % 10));
        return buffer;
    }
    size_t i = 0;
    while (span_ms < units[i].from_ms)
        i++;
    uint64_t part_ms = units[i].ms / units[i].parts, parts = span_ms / part_ms + (span_ms % part_ms != 0);
    int size =
        snprintf(buffer, OUTPUT_TIME_SIZE, "%llu %s", (unsigned long long)(parts / units[i].parts), units[i].unit);
    if (parts % units[i].parts != 0)
        snprintf(buffer + size, OUTPUT_TIME_SIZE - (size_t)size, " %llu %s",
                 (unsigned long long)(parts % units[i].parts), units[i].part);
    return buffer;
}

void output_append(char *list, const char *separator, const char *format, ...)
{
    size_t size = strlen(list);
    va_list arguments;
    va_start(arguments, format);
    size += (size_t)snprintf(list + size, OUTPUT_LIST_SIZE - size, "%s", size > 0 ? separator : "");
    if (size < OUTPUT_LIST_SIZE)
        vsnprintf(list + size, OUTPUT_LIST_SIZE - size, format, arguments);
    va_end(arguments);
}

const char *output_texts(const char *const *texts, size_t count, char buffer[OUTPUT_LIST_SIZE])
{
    buffer[0] = '\0';
    for (size_t i = 0; i < count; i++)
        output_append(buffer, ", ", "%s", texts[i]);
    return buffer;
}

const char *output_limits(const struct postern_limit *limits, size_t count, char buffer[OUTPUT_LIST_SIZE])
{
    char text[POSTERN_LIMIT_TEXT_MAX + 1];
    buffer[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        postern_limit_format(&limits[i], text);
        output_append(buffer, ", ", "%s", text);
    }
    return buffer;
}
