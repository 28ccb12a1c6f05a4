// Files of tzdata and the rules in them, and names of zones.
#include <stdlib.h>

#include "zone/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

// Walks through some segments: they follow each other, and midnights are in their order.
static void walk(const struct zone *zone)
{
    enum { SEGMENTS = 64 };
    const int64_t day_s = 86400;
    int64_t t_s = 0, last_s = INT64_MIN;
    for (int i = 0; i < SEGMENTS && t_s < INT64_MAX; i++) {
        struct zone_segment segment = zone_at(zone, t_s);
        demand(segment.begin_s <= t_s && t_s < segment.end_s);
        demand(segment.offset_s >= ZONE_OFFSET_MIN_S && segment.offset_s <= ZONE_OFFSET_MAX_S);
        t_s = segment.end_s;
    }
    for (int64_t day = 0; day < SEGMENTS; day++) {
        int64_t at_s = zone_first_at(zone, day * day_s);
        demand(at_s >= last_s && at_s + zone_at(zone, at_s).offset_s >= day * day_s);
        last_s = at_s;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make(data, size);
    struct zone *zone = NULL;
    if (zone_parse(slice_text("Fuzz/Zone"), bytes, &zone) == STATUS_OK)
        walk(zone);
    zone_free(zone);
    demand(!zone_name_is_valid(bytes) || (size > 0 && size <= ZONE_NAME_MAX && data[0] != '/'));
    return 0;
}
