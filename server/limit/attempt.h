// One call's attempt to charge its limits, which these files share: decide.c decides, spend.c does each step for one
// call, carry_over.c takes along what was spent under another algorithm, settle.c counts what work really cost,
// standing.c says how things stand.
//
// Threads: the holder of the lock of the attempt's shard.
#ifndef LIMIT_ATTEMPT_H
#define LIMIT_ATTEMPT_H

#include "limit/table.h"

// One meter of a call. Limits that share a meter share a part: it is charged once, and obeys the smaller limit.
struct limit_part {
    struct limit_meter *meter;
    const struct limit_applicable *applicable; // the first of them
    const struct limit_algorithm_functions *functions;
    struct limit_rate rate;
    uint64_t cost;
    uint64_t from_left; // what limit_spend took off the meter's `left`
    bool fits;
    bool shadow;
    bool spends; // it is charged when the call is admitted: always, but for a shadow that the call does not fit
};

struct limit_attempt {
    struct limit_table *table;
    struct limit_shard *shard;
    const struct limit_call *call;
    struct limit_answer *answer;
    bool woken; // it has waited already, so it comes before those who have not
    struct limit_part parts[LIMIT_APPLICABLE_MAX];
    size_t part_count;
    const struct limit_applicable *charged[LIMIT_APPLICABLE_MAX];
    struct limit_part *part_of[LIMIT_APPLICABLE_MAX]; // of the n-th charged limit; NULL for an unlimited one
    size_t charged_count;
};

// --- spend.c

// Returns the sum of the charges on a resource, at most 2^64 - 1; 0 when nothing is charged.
static inline uint64_t limit_cost_of(const struct limit_call *call, struct slice resource)
{
    uint64_t cost = 0;
    for (size_t i = 0; i < call->charge_count; i++)
        if (slice_equal(call->charges[i].resource, resource))
            cost = limit_add(cost, limit_max(1, call->charges[i].cost));
    return cost;
}

// Does the call name costs of a resource? Then *cost is their sum, in which a cost of 0 is none.
static inline bool limit_names_cost(const struct limit_call *call, struct slice resource, uint64_t *cost)
{
    bool is_named = false;
    *cost = 0;
    for (size_t i = 0; i < call->charge_count; i++) {
        if (!slice_equal(call->charges[i].resource, resource))
            continue;
        *cost = limit_add(*cost, call->charges[i].cost);
        is_named = true;
    }
    return is_named;
}

// Does the call make an entry of its own in the charge log, though it is none of limit_decide's?
static inline bool limit_makes_entry(const struct limit_call *call)
{
    return call->mode == LIMIT_OVERDRAW || call->mode == LIMIT_REFUND_AMOUNT;
}

// Returns the first charge whose resource no applicable limit declares; charge_count when there is none.
size_t limit_find_undeclared(const struct limit_call *call);
// Adds the part of one applicable limit. NULL when it is unlimited, or its meter is absent, which the answer then says.
struct limit_part *limit_add_applicable(struct limit_attempt *a, const struct limit_applicable *applicable,
                                        uint64_t cost);
// Finds the meter of every charged limit. False when some are absent; the answer says which.
bool limit_find_parts(struct limit_attempt *a);
// Does the part's cost fit now? A look that costs nothing always does, also at a meter that counts more than its limit.
static inline bool limit_part_fits(const struct limit_part *part)
{
    const struct limit_meter *meter = part->meter;
    return part->cost == 0 || part->functions->fits(&meter->state, &part->rate, meter->t_ms, part->cost);
}

// Brings every meter to now, and says what fits. False when memory is out.
bool limit_sync_parts(struct limit_attempt *a);

// Begins an attempt; the caller sets `woken`.
void limit_attempt_init(struct limit_attempt *a, struct limit_table *table, const struct limit_call *call,
                        struct limit_answer *answer);
// Returns TOO_COSTLY, DENIED, or ADMITTED when all parts fit.
enum limit_verdict limit_evaluate(const struct limit_attempt *a);
// May this call spend without waiting for the disk?
bool limit_is_relaxed(const struct limit_attempt *a);
// Does the disk have to set something aside first?
bool limit_is_short(const struct limit_attempt *a);
void limit_spend(struct limit_attempt *a);
// Undoes limit_spend under the same lock, in the reverse order.
void limit_unspend(struct limit_attempt *a);
// Makes what was spent final.
void limit_confirm(struct limit_attempt *a);
// Notes, under a number, that what the meter counts now is to be on disk before anybody is told.
void limit_owe(struct limit_attempt *a, struct limit_meter *meter, uint64_t number);
// Has the waiter, which may be NULL, been woken since its last try? Then the attempts come before those of others.
bool limit_take_woken(struct limit_waiter *waiter);
// Says, still under the lock, that a woken waiter whose call has to be tried again keeps its place for that.
void limit_keep_woken(struct limit_waiter *waiter, bool woken, enum limit_verdict verdict);
// Queues one waiter with a place at every meter of these attempts (1 to LIMIT_CALLS_MAX), whose shards are all locked.
// Returns WAIT, or NO_MEMORY, which then is the verdict of one attempt's answer too.
enum limit_verdict limit_queue(struct limit_attempt *const *attempts, size_t count, struct limit_waiter *waiter);

// Clears only the members that say how much the answer holds: the arrays are large.
static inline void limit_answer_clear(struct limit_answer *answer)
{
    answer->retry_after_ms = 0;
    answer->standing_count = 0;
    answer->binding = 0;
    answer->charge = 0;
    answer->repeated = false;
    answer->generation = 0;
    answer->absent_count = 0;
}

static inline bool limit_names_charge(const struct limit_call *call)
{
    return call->charge_id.size > 0 && !call->peek;
}

// --- carry_over.c

// Makes the part's meter the current one: it counts at least what each meter in memory counts that its limit had under
// another algorithm. Only needed for one that is superseded or shared. False when memory is out.
bool limit_carry_over(struct limit_attempt *a, const struct limit_part *part);

// --- standing.c

// Fills in how every charged limit stands and which one decides; the answer has its verdict already.
void limit_answer_standings(struct limit_attempt *a);
// Answers a call whose charge was made before: ADMITTED with the standings of then, or OTHER_CHARGE.
enum limit_verdict limit_answer_again(struct limit_attempt *a, const struct limit_logged_charge *made);

static inline bool limit_is_too_costly(const struct limit_part *part)
{
    return part->cost > limit_capacity((enum limit_algorithm)part->meter->algorithm, &part->rate);
}

#endif
