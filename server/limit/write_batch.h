// A batch that is being written, which collect.c fills and reservation.c ends. There is one at a time, so the table has
// the memory for it.
#ifndef LIMIT_WRITE_BATCH_H
#define LIMIT_WRITE_BATCH_H

#include "limit/table.h"

enum { LIMIT_RESERVE = 64 }; // meters of one shard for which there is memory even when there is no other

struct limit_entry {
    struct limit_meter *meter; // stays valid: a meter in flight does not leave memory
    struct limit_record record;
    bool exact; // nothing is set aside
    bool empty; // and nothing is used
};

// One shard's part of the batch.
struct limit_group {
    struct limit_shard *shard;
    struct limit_waiter *waiters;
    size_t count;
    struct limit_entry entries[];
};

struct limit_write_batch {
    bool stopping; // from limit_collect_exact
    bool uses_reserve;
    struct limit_group *reserve;  // allocated with the table
    struct limit_waiter *starved; // those for whose meters there was no memory
    size_t count;
    size_t group_count;
    struct limit_group *groups[LIMIT_SHARD_COUNT];
};

#endif
