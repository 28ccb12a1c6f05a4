// Time zones: what the local clock shows at a time, by the system's tzdata, for any number of zones at once.
//
// A zone is a list of segments in which the offset from UTC is the same, and a rule for the years beyond the list. It
// is read from a file of tzdata (RFC 8536) once, and never changes. NULL stands for UTC everywhere.
// Owns: a table owns its zones; they live as long as it does.
// Threads: a zone is read-only. Everything on a table may be called from any thread; finding a zone that is kept takes
// no lock.
#ifndef ZONE_ZONE_H
#define ZONE_ZONE_H

#include "base/log.h"
#include "base/slice.h"
#include "base/status.h"

enum {
    ZONE_NAME_MAX = 64,
    ZONE_OFFSET_MIN_S = -25 * 3600 + 1, // the bounds of RFC 8536
    ZONE_OFFSET_MAX_S = 26 * 3600 - 1,
    ZONE_FILE_MAX = 65536,
    ZONE_KEPT_MAX = 1024 // zones of a table; tzdata has 600 names
};

struct zone;

#define ZONE_UTC "+00:00"

// The offset from UTC is the same from `begin_s` to before `end_s`; there is no begin or end at INT64_MIN and
// INT64_MAX. Neighbours may have the same offset.
struct zone_segment {
    int64_t begin_s;
    int64_t end_s;
    int32_t offset_s;
};

// Returns the segment that holds a time (Unix seconds).
struct zone_segment zone_at(const struct zone *zone, int64_t t_s);
// Returns the first time at which the local clock shows `local_s` (as if it were UTC) or later: a local time that
// does not exist is the moment of the jump, and of one that exists twice it is the first.
int64_t zone_first_at(const struct zone *zone, int64_t local_s);
// Returns its name: of tzdata, or an offset such as "+02:00"; ZONE_UTC of NULL.
const char *zone_name(const struct zone *zone);

// Is it the name of a file below tzdata's directory: parts of A-Z a-z 0-9 _ + - joined by '/', at most 64 bytes?
bool zone_name_is_valid(struct slice name);

// --- one zone

// Makes a zone of the bytes of a file of tzdata. The caller frees it.
// Errors:
//   DATA_LOSS           it is no such file of version 2 or later, is damaged, or counts leap seconds
//   RESOURCE_EXHAUSTED  memory is out
STATUS_MUST_CHECK enum status zone_parse(struct slice name, struct slice bytes, struct zone **out);
// Makes one without jumps; NULL: memory is out. Its name is the offset.
struct zone *zone_new_fixed(int32_t offset_s);
void zone_free(struct zone *zone); // NULL-safe

// --- all of them

struct zone_table;

// `directory`: tzdata's; NULL: that of the environment's TZDIR, or /usr/share/zoneinfo. NULL: memory is out.
struct zone_table *zone_table_new(const char *directory, const struct log *log);
void zone_table_free(struct zone_table *table); // NULL-safe

// Gives the zone of a name, to somebody who asks for it: kept, or read now.
// Errors:
//   INVALID_ARGUMENT    there is no zone of that name; the text says where names are found
//   RESOURCE_EXHAUSTED  memory is out, or the table is full
STATUS_MUST_CHECK enum status zone_load(struct zone_table *table, struct slice name, const struct zone **out,
                                        struct status_failure *failure);
// Gives the zone of a name that was loaded before, maybe by another run: it is read at most once. False when it cannot
// be had any more, which is logged once. An offset ("+02:00") is a name here; ZONE_UTC gives NULL.
bool zone_find(struct zone_table *table, struct slice name, const struct zone **out);

#endif
