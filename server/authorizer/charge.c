#include "authorizer/charge.h"

#include "authorizer/internal.h"
#include "authorizer/load.h"
#include "authorizer/term.h"

#include <stdio.h>

// A meter that is evicted again and again between load and decision; each turn needs an eviction by somebody else.
enum { LOADS_PER_CALL_MAX = 64 };

const struct limit_charge charge_one_request = {{(const uint8_t *)"requests", 8}, 1};

static uint64_t span_ms(uint64_t from_ms, uint64_t to_ms)
{
    return to_ms > from_ms ? to_ms - from_ms : 0;
}

static bool copy_meters(struct authorizer *a, struct authorizer_call *call, const struct limit_answer *answer)
{
    struct authorizer_decision *d = &call->decision;
    d->meters = arena_array(call->arena, answer->view_count, sizeof d->meters[0]);
    if (d->meters == NULL) {
        return false;
    }
    uint64_t wall_ms = clock_wall_ms(a->clock);
    for (size_t i = 0; i < answer->view_count; i++) {
        const struct limit_view *v = &answer->views[i];
        d->meters[i] = (struct authorizer_meter){
            .view = *v,
            .subject = v->term->subject,
            .limit = v->term->limit,
            .reset_at_wall_ms = v->term->limit.unlimited ? 0 : wall_ms + span_ms(answer->now_ms, v->reset_at_ms),
            .retry_after_ms = span_ms(answer->now_ms, v->retry_at_ms),
        };
    }
    d->meter_count = answer->view_count;
    d->binding_meter = answer->binding;
    d->retry_after_ms = answer->retry_after_ms;
    return true;
}

static enum status name_undeclared(struct authorizer_call *call, const struct limit_call *ask, size_t charge)
{
    char field[40];
    (void)snprintf(field, sizeof field, "charges[%zu].resource", charge);
    return status_fail(&call->note, STATUS_NOT_FOUND, field,
                       "no limit that applies declares the resource '%.*s'; add one to the tier, e.g. %.*s=unlimited",
                       SLICE_ARGS(ask->charges[charge].resource), SLICE_ARGS(ask->charges[charge].resource));
}

static enum reason reason_of(enum limit_verdict verdict)
{
    switch (verdict) {
    case LIMIT_DENIED:
        return REASON_RATE_LIMITED;
    case LIMIT_TOO_COSTLY:
        return REASON_COST_EXCEEDS_LIMIT;
    case LIMIT_ADMITTED:
    case LIMIT_UNDECLARED:
    case LIMIT_WAIT:
    case LIMIT_ABSENT:
    case LIMIT_NO_MEMORY:
    case LIMIT_OTHER_CHARGE:
    case LIMIT_NO_CHARGE:
    case LIMIT_GIVEN_BACK:
    case LIMIT_WINDOW_OVER:
        break;
    }
    return REASON_ALLOWED;
}

static enum status conclude(struct authorizer *a, struct authorizer_call *call, const struct limit_call *ask,
                            const struct limit_answer *answer)
{
    if (answer->verdict == LIMIT_UNDECLARED) {
        return name_undeclared(call, ask, answer->charge);
    }
    if (answer->verdict == LIMIT_ABSENT) {
        return status_fail(&call->note, STATUS_UNAVAILABLE, NULL, "meters are being evicted too fast: retry");
    }
    if (answer->verdict == LIMIT_NO_MEMORY || !copy_meters(a, call, answer)) {
        return status_fail(&call->note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
    }
    call->decision.reason = reason_of(answer->verdict);
    return STATUS_OK;
}

// A decision, with meters brought into memory as needed. After LIMIT_WAIT the call may already be somebody else's.
static enum limit_verdict ask_limits(struct authorizer *a, struct authorizer_call *call, const struct limit_call *ask,
                                     struct limit_answer *answer)
{
    for (unsigned loads = 0;; loads++) {
        limit_decide(a->limits, ask, &call->waiter, answer);
        if (answer->write_wanted) {
            flush_request(a);
        }
        if (answer->verdict != LIMIT_ABSENT || loads == LOADS_PER_CALL_MAX) {
            return answer->verdict;
        }
        call->status = load_absent(a, call, ask, answer);
        if (call->status != STATUS_OK) {
            return LIMIT_ABSENT;
        }
    }
}

enum authorizer_progress charge_decide(struct authorizer *a, struct authorizer_call *call,
                                       const struct registry_tier *tier)
{
    const struct authorizer_decision *d = &call->decision;
    struct limit_term *terms = arena_alloc(call->arena, LIMIT_TERMS_MAX * sizeof *terms);
    if (terms == NULL) {
        call->status = status_fail(&call->note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
        return AUTHORIZER_DONE;
    }
    bool charges_given = call->question.charge_count != 0;
    struct limit_call ask = {
        .owner = d->account.id,
        .terms = terms,
        .term_count = term_collect(tier, &d->account, d->has_key ? &d->key : NULL, terms),
        .charges = charges_given ? call->question.charges : &charge_one_request,
        .charge_count = charges_given ? call->question.charge_count : 1,
        .peek = call->question.peek,
    };
    struct limit_answer answer;
    if (ask_limits(a, call, &ask, &answer) == LIMIT_WAIT) {
        return AUTHORIZER_WAITING;
    }
    if (call->status == STATUS_OK) {
        call->status = conclude(a, call, &ask, &answer);
    }
    return AUTHORIZER_DONE;
}
