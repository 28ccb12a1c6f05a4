// Room-private: what a zone consists of.
#ifndef ZONE_FILE_H
#define ZONE_FILE_H

#include "zone/footer.h"

struct zone_jump {
    int64_t at_s; // the first one's is INT64_MIN
    int32_t offset_s;
};

struct zone {
    char name[ZONE_NAME_MAX + 1];
    bool has_footer; // from the last jump on
    struct zone_footer footer;
    size_t count; // at least 1
    struct zone_jump jumps[];
};

// NULL: memory is out. The caller fills in the jumps.
struct zone *zone_new(struct slice name, size_t count);

#endif
