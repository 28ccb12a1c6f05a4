// Says how things stand after a decision: what remains of every charged limit, when it is full again, when the cost
// would fit, and which limit decides, because the caller hears about that one first.
//
// A repeated call is answered from the charge log (charge_log.c) as it was then: the meters have changed since, and a
// repeated answer must be the same as the first one.
#include "limit/attempt.h"

static struct limit_standing standing_of(const struct limit_attempt *a, size_t n)
{
    struct limit_standing standing = {.applicable = a->charged[n]};
    const struct limit_part *part = a->part_of[n];
    if (part == NULL)
        return standing;
    const union limit_state *state = &part->meter->state;
    uint64_t t = part->meter->t_ms;
    standing.limit = standing.applicable->limit.amount;
    standing.remaining = part->functions->remaining(state, &part->rate, t);
    standing.reset_at_ms = part->functions->reset(state, &part->rate, t);
    standing.would_refuse = !part->spends;
    if (!part->shadow && !limit_is_too_costly(part) && !limit_part_fits(part))
        standing.retry_at_ms = part->functions->retry(state, &part->rate, t, part->cost);
    return standing;
}

// Does the n-th standing decide more than the `binding` one so far?
static bool binds_more(const struct limit_attempt *a, size_t n, size_t binding)
{
    const struct limit_standing *standings = a->answer->standings;
    if (binding == 0)
        return true;
    switch (a->answer->verdict) {
    case LIMIT_DENIED:
        return standings[n].retry_at_ms > standings[binding - 1].retry_at_ms;
    case LIMIT_TOO_COSTLY:
        return limit_is_too_costly(a->part_of[n]) && !limit_is_too_costly(a->part_of[binding - 1]);
    case LIMIT_ADMITTED:
    case LIMIT_UNDECLARED:
    case LIMIT_WAIT:
    case LIMIT_UNDECIDED:
    case LIMIT_ABSENT:
    case LIMIT_NO_MEMORY:
    case LIMIT_OTHER_CHARGE:
    case LIMIT_NO_CHARGE:
    case LIMIT_GIVEN_BACK:
    case LIMIT_OTHER_KEY:
    case LIMIT_WINDOW_OVER:
        break;
    }
    return standings[n].remaining < standings[binding - 1].remaining;
}

void limit_answer_standings(struct limit_attempt *a)
{
    struct limit_answer *answer = a->answer;
    answer->standing_count = a->charged_count;
    for (size_t i = 0; i < a->charged_count; i++) {
        answer->standings[i] = standing_of(a, i);
        if (a->part_of[i] != NULL && !a->part_of[i]->shadow && binds_more(a, i, answer->binding))
            answer->binding = i + 1;
        if (answer->verdict == LIMIT_DENIED && answer->standings[i].retry_at_ms > answer->now_ms)
            answer->retry_after_ms =
                limit_max(answer->retry_after_ms, answer->standings[i].retry_at_ms - answer->now_ms);
    }
    if (answer->now_ms + answer->retry_after_ms >= LIMIT_NEVER_MS)
        answer->retry_after_ms = 0;
}

// Shows those limits that apply now and were charged then.
enum limit_verdict limit_answer_again(struct limit_attempt *a, const struct limit_logged_charge *made)
{
    if (made->mode != a->call->mode || !limit_charge_log_is_same(a->table, made, a->call))
        return LIMIT_OTHER_CHARGE;
    if (made->given_back)
        return LIMIT_GIVEN_BACK;
    struct limit_answer *answer = a->answer;
    uint32_t matched = 0;
    answer->verdict = LIMIT_ADMITTED;
    answer->repeated = true;
    for (size_t i = 0; i < a->call->applicable_count && answer->standing_count < LIMIT_APPLICABLE_MAX; i++) {
        const struct limit_applicable *applicable = &a->call->applicables[i];
        const struct limit_logged_part *then = limit_charge_log_part(a->table, made, applicable, &matched);
        if (then == NULL)
            continue;
        size_t n = answer->standing_count++;
        answer->standings[n] = (struct limit_standing){.applicable = applicable,
                                                       .limit = then->limit,
                                                       .remaining = then->remaining,
                                                       .reset_at_ms = then->reset_at_ms};
        if (!applicable->limit.unlimited && !applicable->limit.shadow && binds_more(a, n, answer->binding))
            answer->binding = n + 1;
    }
    return LIMIT_ADMITTED;
}
