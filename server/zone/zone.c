// A zone in memory: from which moment on which offset holds, and what the local clock shows.
//
// The problem: local time jumps. One that is skipped has no moment, one that is repeated has two, and a jump may skip a
// whole day or begin at midnight. Whoever divides time at local boundaries needs an answer that is one moment in every
// case, and moments that are in the order of the boundaries: so it is the first moment at which the local clock shows
// that time or a later one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/file.h"

enum { HOUR_S = 3600, MINUTE_S = 60 };

struct zone *zone_new(struct slice name, size_t count)
{
    struct zone *zone = calloc(1, sizeof *zone + count * sizeof zone->jumps[0]);
    if (zone == NULL)
        return NULL;
    zone->count = count;
    memcpy(zone->name, name.data, name.size <= ZONE_NAME_MAX ? name.size : ZONE_NAME_MAX);
    return zone;
}

struct zone *zone_new_fixed(int32_t offset_s)
{
    char name[16];
    int32_t size_s = offset_s < 0 ? -offset_s : offset_s;
    int size = snprintf(name, sizeof name, "%c%02d:%02d", offset_s < 0 ? '-' : '+', size_s / HOUR_S,
                        size_s % HOUR_S / MINUTE_S);
    struct zone *zone = size > 0 ? zone_new(slice_make(name, (size_t)size), 1) : NULL;
    if (zone != NULL)
        zone->jumps[0] = (struct zone_jump){INT64_MIN, offset_s};
    return zone;
}

void zone_free(struct zone *zone)
{
    free(zone);
}

const char *zone_name(const struct zone *zone)
{
    return zone != NULL ? zone->name : ZONE_UTC;
}

// Returns the last jump at or before a time.
static size_t find_jump(const struct zone *zone, int64_t t_s)
{
    size_t low = 0, high = zone->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (zone->jumps[middle].at_s <= t_s)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct zone_segment zone_at(const struct zone *zone, int64_t t_s)
{
    if (zone == NULL)
        return (struct zone_segment){INT64_MIN, INT64_MAX, 0};
    size_t n = find_jump(zone, t_s);
    const struct zone_jump *jump = &zone->jumps[n];
    if (n + 1 < zone->count)
        return (struct zone_segment){jump->at_s, jump[1].at_s, jump->offset_s};
    if (!zone->has_footer)
        return (struct zone_segment){jump->at_s, INT64_MAX, jump->offset_s};
    struct zone_segment segment = zone_footer_at(&zone->footer, t_s);
    if (segment.begin_s < jump->at_s)
        segment.begin_s = jump->at_s;
    return segment;
}

int64_t zone_first_at(const struct zone *zone, int64_t local_s)
{
    struct zone_segment segment = zone_at(zone, local_s - ZONE_OFFSET_MAX_S - 1); // it is not that late anywhere
    for (;;) {
        int64_t t_s = local_s - segment.offset_s;
        if (t_s < segment.begin_s)
            t_s = segment.begin_s;
        if (t_s < segment.end_s)
            return t_s;
        segment = zone_at(zone, segment.end_s);
    }
}

static bool is_part_of_name(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '+' || byte == '-';
}

// No part is empty, so none leads out of the directory; there is no dot.
bool zone_name_is_valid(struct slice name)
{
    bool in_part = false;
    if (name.size > ZONE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        bool is_part = is_part_of_name(name.data[i]);
        if (!is_part && (name.data[i] != '/' || !in_part))
            return false;
        in_part = is_part;
    }
    return in_part;
}
