// Gives back what a call was charged, once.
//
// The problem: the charge log (charge_log.c) says what was charged under an id, but since then time has passed, limits
// may have changed, and meters may have been evicted. So this file finds the meter of every limit that was charged then
// and still applies now, and the algorithm takes back what it still counts of the charge. Giving back writes nothing:
// the units become free in the meter's state, but are not added to what may be spent without the disk (`left`), so a
// crash can lose a refund and can never add one.
#include "limit/attempt.h"

// The amount that each part was charged under; for a bucket it says how long a unit takes.
struct amounts {
    uint64_t of_part[LIMIT_APPLICABLE_MAX];
};

// Finds the meters of limits that were charged and still apply. Limits that share a meter were charged as the smaller
// one.
static bool find_charged_parts(struct limit_attempt *a, const struct limit_logged_charge *logged,
                               struct amounts *amounts)
{
    uint32_t matched = 0;
    for (size_t i = 0; i < a->call->applicable_count && a->charged_count < LIMIT_APPLICABLE_MAX; i++) {
        const struct limit_applicable *applicable = &a->call->applicables[i];
        const struct limit_logged_part *then = limit_charge_log_part(a->table, logged, applicable, &matched);
        if (then == NULL)
            continue;
        size_t known_count = a->part_count;
        const struct limit_part *part = limit_add_applicable(a, applicable, then->cost);
        if (part == NULL)
            continue;
        uint64_t *amount = &amounts->of_part[part - a->parts];
        *amount = a->part_count > known_count ? then->limit : limit_min(*amount, then->limit);
    }
    return a->answer->absent_count == 0;
}

// Adds nothing to `left`: the record on disk, with what it sets aside, counts the charge until the next record.
static bool give_back(struct limit_attempt *a, const struct limit_logged_charge *logged, const struct amounts *amounts)
{
    bool given = false;
    for (size_t i = 0; i < a->part_count; i++) {
        const struct limit_part *part = &a->parts[i];
        struct limit_meter *meter = part->meter;
        struct limit_spent spent = {.t_ms = logged->t_ms, .cost = part->cost, .amount = amounts->of_part[i]};
        if (part->functions->refund(&meter->state, &part->rate, meter->t_ms, &spent))
            given = meter->dirty = true;
    }
    return given;
}

static bool is_all_unlimited(const struct limit_logged_charge *logged)
{
    for (size_t i = 0; i < logged->applicable_count; i++)
        if (logged->applicables[i].limit > 0)
            return false;
    return true;
}

static enum limit_verdict refund_locked(struct limit_attempt *a)
{
    struct amounts amounts;
    a->answer->now_ms = clock_now_ms(a->table->clock);
    a->answer->generation = a->shard->generation;
    uint64_t hash = limit_charge_log_hash(a->table, a->call);
    struct limit_logged_charge *logged = limit_charge_log_find(a->shard, a->call, hash);
    if (logged == NULL)
        return LIMIT_NO_CHARGE;
    if (a->call->charge_count > 0 && !limit_charge_log_is_same(a->table, logged, a->call))
        return LIMIT_OTHER_CHARGE;
    if (logged->given_back)
        return LIMIT_GIVEN_BACK;
    if (!find_charged_parts(a, logged, &amounts))
        return LIMIT_ABSENT;
    if (!limit_sync_parts(a))
        return LIMIT_NO_MEMORY;
    if (!give_back(a, logged, &amounts) && !is_all_unlimited(logged))
        return LIMIT_WINDOW_OVER;
    logged->given_back = true;
    a->answer->verdict = LIMIT_ADMITTED;
    limit_answer_views(a);
    return LIMIT_ADMITTED;
}

void limit_refund(struct limit_table *table, const struct limit_call *call, struct limit_answer *answer)
{
    struct limit_attempt a;
    limit_answer_clear(answer);
    limit_attempt_init(&a, table, call, answer);
    limit_note_use(table);
    pthread_mutex_lock(&a.shard->mutex);
    answer->verdict = refund_locked(&a);
    answer->write_wanted = limit_write_wanted(table);
    pthread_mutex_unlock(&a.shard->mutex);
}
