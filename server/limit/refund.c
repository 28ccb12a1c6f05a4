// Giving back what a call was charged, once.
//
// The problem: what was charged under an id is in the log of charges (charge.c), but since then time has passed, limits
// may have changed, and meters may have been evicted. So for every limit that was charged then and still applies now,
// its meter is found again, and the algorithm takes back what is still there of the charge. Giving back writes nothing:
// the units become free in the meter's state, but are not added to what may be spent without the disk (`left`), so a
// crash can lose a refund and can never add one.
#include "limit/decision.h"

// The amount that each part was charged under: how long a bucket's unit took.
struct amounts {
    uint64_t of_part[LIMIT_TERMS_MAX];
};

// Finds the meters of what was charged and still applies. Of terms that share a meter the smaller one was obeyed.
static bool find_charged_parts(struct limit_decision *d, const struct limit_kept *kept, struct amounts *amounts)
{
    uint32_t matched = 0;
    for (size_t i = 0; i < d->call->term_count && d->charged_count < LIMIT_TERMS_MAX; i++) {
        const struct limit_term *term = &d->call->terms[i];
        const struct limit_kept_term *then = limit_charge_term(d->table, kept, term, &matched);
        if (then == NULL)
            continue;
        size_t known_count = d->part_count;
        const struct limit_part *part = limit_add_term(d, term, then->cost);
        if (part == NULL)
            continue;
        uint64_t *amount = &amounts->of_part[part - d->parts];
        *amount = d->part_count > known_count ? then->limit : limit_min(*amount, then->limit);
    }
    return d->answer->absent_count == 0;
}

// Nothing is added to `left`: the record on disk, with what it sets aside, counts the charge until the next one.
static bool give_back(struct limit_decision *d, const struct limit_kept *kept, const struct amounts *amounts)
{
    bool given = false;
    for (size_t i = 0; i < d->part_count; i++) {
        const struct limit_part *part = &d->parts[i];
        struct limit_meter *meter = part->meter;
        struct limit_spent spent = {.t_ms = kept->t_ms, .cost = part->cost, .amount = amounts->of_part[i]};
        if (part->functions->refund(&meter->state, &part->rule, meter->t_ms, &spent))
            given = meter->dirty = true;
    }
    return given;
}

static bool is_all_unlimited(const struct limit_kept *kept)
{
    for (size_t i = 0; i < kept->term_count; i++)
        if (kept->terms[i].limit > 0)
            return false;
    return true;
}

static enum limit_verdict refund_locked(struct limit_decision *d)
{
    struct amounts amounts;
    d->answer->now_ms = clock_now_ms(d->table->clock);
    d->answer->generation = d->shard->generation;
    struct limit_kept *kept = limit_charge_find(d->table, d->shard, d->call);
    if (kept == NULL)
        return LIMIT_NO_CHARGE;
    if (d->call->charge_count > 0 && !limit_charge_is_same(d->table, kept, d->call))
        return LIMIT_OTHER_CHARGE;
    if (kept->given_back)
        return LIMIT_GIVEN_BACK;
    if (!find_charged_parts(d, kept, &amounts))
        return LIMIT_ABSENT;
    if (!limit_sync_parts(d))
        return LIMIT_NO_MEMORY;
    if (!give_back(d, kept, &amounts) && !is_all_unlimited(kept))
        return LIMIT_WINDOW_OVER;
    kept->given_back = true;
    d->answer->verdict = LIMIT_ADMITTED;
    limit_answer_views(d);
    return LIMIT_ADMITTED;
}

void limit_refund(struct limit_table *table, const struct limit_call *call, struct limit_answer *answer)
{
    struct limit_decision d;
    limit_answer_clear(answer);
    limit_decision_init(&d, table, call, answer);
    limit_note_use(table);
    pthread_mutex_lock(&d.shard->mutex);
    answer->verdict = refund_locked(&d);
    answer->write_wanted = limit_write_wanted(table);
    pthread_mutex_unlock(&d.shard->mutex);
}
