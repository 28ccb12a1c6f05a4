// Room-private: the stored messages of the store `meters/`, packed and unpacked. Pure.
#ifndef METER_RECORD_H
#define METER_RECORD_H

#include "base/arena.h"
#include "meter/meter.h"

// Packs into arena memory; false when the arena is out.
bool meter_record_pack(const struct limit_record *record, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
bool meter_mark_pack(const struct clock_mark *mark, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
// Unpacks what these have packed.
// Errors of all of these:
//   DATA_LOSS           the bytes do not decode, or hold values that cannot be
//   RESOURCE_EXHAUSTED  the arena is out
//
// A record's time zone is found in `zones`; one that has none, or whose zone is gone, gets the installation's. `zones`
// may be NULL: who only looks at the time needs none.
STATUS_MUST_CHECK enum status meter_record_unpack(struct slice bytes, const struct meter_zones *zones,
                                                  struct arena *arena, struct limit_record *out);
STATUS_MUST_CHECK enum status meter_mark_unpack(struct slice bytes, struct arena *arena, struct clock_mark *out);

#endif
