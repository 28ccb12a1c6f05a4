// A limit that changes its algorithm takes along what was spent.
//
// The problem: a meter's name has its algorithm, because a record of one is no state of another. So a limit with
// another algorithm counts on another meter, and changing it there and back would admit the whole limit each time. The
// meters that one limit would have, with the same subject, resource and window, are therefore kept in step: of them,
// the one that was used last marks the others as superseded, and before one of these is used again it counts at least
// as many units as each of the others counts now. They are units spent in the past, and each algorithm forgets them in
// its own way; here they count as spent now, which is late and so never too little.
//
// Two limits of one call may be of one family. Each of them is charged by itself, and nothing is taken over between
// them while both apply (`shared`). A custom subject has the limits that its callers say, who need not agree; so its
// meters are not kept in step.
#include "limit/attempt.h"

// --- the family

static bool is_applied(const struct limit_call *call, const struct limit_applicable *former)
{
    for (size_t i = 0; i < call->applicable_count; i++) {
        const struct limit_applicable *applicable = &call->applicables[i];
        if (applicable->subject == former->subject && slice_equal(applicable->subject_id, former->subject_id) &&
            limit_same_meter(&applicable->limit, &former->limit))
            return true;
    }
    return false;
}

size_t limit_formers(const struct limit_call *call, const struct limit_applicable *applicable,
                     struct limit_name out[LIMIT_FORMERS_MAX], bool *alone)
{
    const struct {
        enum limit_algorithm algorithm;
        enum limit_period period;
    } variants[LIMIT_FORMERS_MAX + 1] = {{LIMIT_FIXED_WINDOW, limit_period_of(applicable->limit.window_s)},
                                         {LIMIT_FIXED_WINDOW, LIMIT_NO_PERIOD},
                                         {LIMIT_SLIDING_WINDOW, LIMIT_NO_PERIOD},
                                         {LIMIT_TOKEN_BUCKET, LIMIT_NO_PERIOD}};
    size_t count = 0;
    *alone = true;
    if (applicable->subject == LIMIT_OF_CUSTOM || applicable->limit.window_s == 0)
        return 0;
    for (size_t i = variants[0].period == LIMIT_NO_PERIOD ? 1 : 0; i < LIMIT_FORMERS_MAX + 1; i++) {
        struct limit_applicable former = *applicable;
        former.limit.algorithm = variants[i].algorithm;
        former.limit.period = variants[i].period;
        if (limit_same_meter(&former.limit, &applicable->limit))
            continue;
        if (is_applied(call, &former))
            *alone = false;
        else
            limit_name_of(&former, &out[count++]);
    }
    return count;
}

// --- taking over

// The disk does not know of what is taken over, so what it has set aside does not cover what is spent beside it: a
// record must be written first. False when memory is out.
static bool take_over(struct limit_meter *meter, const struct limit_rate *rate, uint64_t used)
{
    if (used == 0)
        return true;
    if (!limit_meter_functions(meter)->raise(&meter->state, rate, meter->t_ms, used))
        return false;
    limit_void_reservation(meter);
    return true;
}

static uint64_t used_now(struct limit_meter *meter, uint64_t t)
{
    const struct limit_algorithm_functions *functions = limit_meter_functions(meter);
    struct limit_rate rate = limit_meter_rate(meter);
    meter->t_ms = limit_max(meter->t_ms, t);
    functions->sync(&meter->state, &rate, meter->t_ms);
    return functions->used(&meter->state, &rate, meter->t_ms);
}

bool limit_carry_over(struct limit_attempt *a, const struct limit_part *part)
{
    struct limit_meter *meter = part->meter;
    struct limit_name names[LIMIT_FORMERS_MAX];
    bool alone = true, has_memory = true;
    size_t count = limit_formers(a->call, part->applicable, names, &alone);
    size_t bytes = limit_meter_bytes(meter);
    if (!meter->superseded && !alone)
        return true; // still shared
    for (size_t i = 0; i < count && has_memory; i++) {
        struct limit_lookup lookup;
        limit_table_look_name(a->table, limit_name_slice(&names[i]), &lookup);
        struct limit_meter *former = limit_table_find(a->shard, &lookup);
        if (former == NULL)
            continue;
        has_memory = take_over(meter, &part->rate, used_now(former, meter->t_ms));
        former->superseded = true;
    }
    a->shard->meter_bytes += limit_meter_bytes(meter) - bytes;
    meter->superseded = !has_memory;
    meter->shared = !alone;
    return has_memory;
}

// What is in memory needs no record: limit_carry_over will find it there.
bool limit_carry_over_records(const struct limit_table *table, const struct limit_shard *shard,
                              struct limit_meter *meter, const struct limit_found *found)
{
    struct limit_rate rate = limit_meter_rate(meter);
    for (size_t i = 0; i < found->former_count; i++) {
        const struct limit_former *former = &found->formers[i];
        struct limit_lookup lookup;
        uint64_t used = 0, t = limit_max(meter->t_ms, former->record.t_ms);
        limit_table_look_name(table, limit_name_slice(&former->name), &lookup);
        if (limit_table_find(shard, &lookup) == NULL &&
            limit_used_by_record(limit_name_slice(&former->name), &former->record, t, t, &used) &&
            !take_over(meter, &rate, used))
            return false;
    }
    return true;
}
