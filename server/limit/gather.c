#include "limit/decision.h"

size_t limit_find_undeclared(const struct limit_call *call)
{
    for (size_t i = 0; i < call->charge_count; i++) {
        size_t term = 0;
        while (term < call->term_count && !slice_equal(call->charges[i].resource, call->terms[term].limit.resource))
            term++;
        if (term == call->term_count)
            return i;
    }
    return call->charge_count;
}

uint64_t limit_cost_of(const struct limit_call *call, struct slice resource)
{
    uint64_t cost = 0;
    for (size_t i = 0; i < call->charge_count; i++)
        if (slice_equal(call->charges[i].resource, resource))
            cost = limit_add(cost, limit_max(1, call->charges[i].cost));
    return cost;
}

static struct limit_part *find_part(struct limit_decision *d, const struct limit_meter *meter)
{
    for (size_t i = 0; i < d->part_count; i++)
        if (d->parts[i].meter == meter)
            return &d->parts[i];
    return NULL;
}

static struct limit_part *add_part(struct limit_decision *d, struct limit_meter *meter, const struct limit *limit,
                                   uint64_t cost)
{
    struct limit_part *part = find_part(d, meter);
    if (part != NULL) {
        part->rule.amount = limit_min(part->rule.amount, limit->amount);
        part->rule.burst = limit_min(part->rule.burst, limit->burst);
        return part;
    }
    part = &d->parts[d->part_count++];
    *part = (struct limit_part){.meter = meter, .functions = limit_meter_functions(meter), .cost = cost};
    part->rule = limit_meter_rule(d->table, meter);
    part->rule.amount = limit->amount;
    part->rule.burst = limit->burst;
    return part;
}

struct limit_part *limit_add_term(struct limit_decision *d, const struct limit_term *term, uint64_t cost)
{
    struct limit_lookup lookup;
    struct limit_part *part = NULL;
    if (!term->limit.unlimited) {
        limit_table_look(d->table, term, &lookup);
        struct limit_meter *meter = limit_table_find(d->shard, &lookup);
        if (meter == NULL)
            d->answer->absent[d->answer->absent_count++] = term;
        else
            part = add_part(d, meter, &term->limit, cost);
    }
    d->charged[d->charged_count] = term;
    d->part_of[d->charged_count++] = part;
    return part;
}

bool limit_gather(struct limit_decision *d)
{
    for (size_t i = 0; i < d->call->term_count && i < LIMIT_TERMS_MAX; i++) {
        const struct limit_term *term = &d->call->terms[i];
        uint64_t cost = limit_cost_of(d->call, term->limit.resource);
        if (cost > 0)
            (void)limit_add_term(d, term, cost);
    }
    return d->answer->absent_count == 0;
}

// --- to now

static bool reserve_counters(struct limit_decision *d, struct limit_part *part)
{
    if (part->functions->reserve == NULL)
        return true;
    size_t before = limit_meter_bytes(part->meter);
    bool reserved = part->functions->reserve(&part->meter->state, part->rule.amount);
    d->shard->meter_bytes += limit_meter_bytes(part->meter) - before;
    return reserved;
}

bool limit_sync_parts(struct limit_decision *d)
{
    for (size_t i = 0; i < d->part_count; i++)
        if (!reserve_counters(d, &d->parts[i]))
            return false;
    for (size_t i = 0; i < d->part_count; i++) {
        struct limit_part *part = &d->parts[i];
        struct limit_meter *meter = part->meter;
        meter->t_ms = limit_max(meter->t_ms, d->answer->now_ms);
        meter->retiring = false;
        part->functions->sync(&meter->state, &part->rule, meter->t_ms);
        part->fits = part->functions->fits(&meter->state, &part->rule, meter->t_ms, part->cost);
    }
    return true;
}
