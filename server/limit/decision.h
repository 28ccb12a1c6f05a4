// One decision, as the files that make it share it: gather.c finds out what is charged, meter.c decides, view.c says
// how things stand.
//
// All of it under the lock of the decision's shard.
#ifndef LIMIT_DECISION_H
#define LIMIT_DECISION_H

#include "limit/table.h"

// One meter of a call. Terms that share a meter share a part: it is charged once, and obeys the smaller limit.
struct limit_part {
    struct limit_meter *meter;
    const struct limit_algorithm_functions *functions;
    struct limit_rule rule;
    uint64_t cost;
    bool fits;
};

struct limit_decision {
    struct limit_table *table;
    struct limit_shard *shard;
    const struct limit_call *call;
    struct limit_answer *answer;
    bool woken; // has waited already: comes before those who have not
    struct limit_part parts[LIMIT_TERMS_MAX];
    size_t part_count;
    const struct limit_term *charged[LIMIT_TERMS_MAX];
    struct limit_part *part_of[LIMIT_TERMS_MAX]; // of the n-th charged term; NULL for an unlimited one
    size_t charged_count;
};

// The first charge whose resource no term declares; charge_count when there is none.
size_t limit_find_undeclared(const struct limit_call *call);
// Finds the meter of every charged term. False: some are absent, and the answer says which.
bool limit_gather(struct limit_decision *d);
// Brings every meter to now and to today's limit. False when memory is out.
bool limit_sync_parts(struct limit_decision *d);

// How every charged term stands, and which one decides; the answer's verdict is there already.
void limit_answer_views(struct limit_decision *d);

static inline bool limit_is_too_costly(const struct limit_part *part)
{
    return part->cost > limit_capacity((enum limit_algorithm)part->meter->algorithm, &part->rule);
}

#endif
