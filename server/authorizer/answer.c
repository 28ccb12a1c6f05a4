// Turns the answers of the limits into decisions or failures, in words for their callers.
#include "authorizer/internal.h"

#include <stdio.h>

static uint64_t span_ms(uint64_t from_ms, uint64_t to_ms)
{
    return to_ms > from_ms ? to_ms - from_ms : 0;
}

// Returns 0 when the moment never comes.
static uint64_t unless_never(uint64_t at_ms, uint64_t value)
{
    return at_ms < LIMIT_NEVER_MS ? value : 0;
}

static void copy_meters(struct authorizer *a, struct authorizer_call *call, const struct limit_answer *answer)
{
    struct authorizer_decision *d = &call->decision;
    uint64_t wall_ms = clock_to_wall_ms(a->clock, answer->now_ms);
    for (size_t i = 0; i < answer->standing_count; i++) {
        const struct limit_standing *v = &answer->standings[i];
        d->meters[i] = (struct authorizer_meter){
            .standing = *v,
            .subject = v->applicable->subject,
            .limit = v->applicable->limit,
            .reset_at_wall_ms = v->applicable->limit.unlimited
                                    ? 0
                                    : unless_never(v->reset_at_ms, wall_ms + span_ms(answer->now_ms, v->reset_at_ms)),
            .retry_after_ms = unless_never(v->retry_at_ms, span_ms(answer->now_ms, v->retry_at_ms)),
        };
    }
    d->meter_count = answer->standing_count;
    d->binding_meter = answer->binding;
    d->retry_after_ms = answer->retry_after_ms;
    d->repeated = answer->repeated;
}

// --- what can go wrong

static enum status name_undeclared(struct authorizer_call *call, const struct limit_call *limit_call, size_t charge)
{
    char field[40];
    struct slice resource = limit_call->charges[charge].resource;
    const struct registry_account *account = &call->decision.account;
    bool has_tier = account->tier.size > 0;
    (void)snprintf(field, sizeof field, "charges[%zu].resource", charge);
    if (call->subject == AUTHORIZER_BY_CUSTOM)
        return status_fail(&call->failure, STATUS_NOT_FOUND, field,
                           "no limit that applies declares the resource '%.*s'; add one to custom.limits, e.g. "
                           "%.*s=unlimited",
                           SLICE_ARGS(resource), SLICE_ARGS(resource));
    return status_fail(&call->failure, STATUS_NOT_FOUND, field,
                       "no limit that applies declares the resource '%.*s'; add one to the %s, with: postern %s update "
                       "%.*s --add-limit %.*s=unlimited",
                       SLICE_ARGS(resource), has_tier ? "tier" : "account, which has no tier",
                       has_tier ? "tier" : "account", SLICE_ARGS(has_tier ? account->tier : account->id),
                       SLICE_ARGS(resource));
}

static bool is_settling(const struct authorizer_call *call)
{
    return call->question.mode == LIMIT_SETTLE || call->question.mode == LIMIT_REFUND;
}

static enum status name_other_charge(struct authorizer_call *call)
{
    if (!is_settling(call))
        return status_fail(&call->failure, STATUS_ALREADY_EXISTS, "charge_id",
                           "this charge_id is of a charge of other resources or costs; nothing was charged: make a new "
                           "charge_id for each piece of work");
    call->status_reason = "CHARGE_DIFFERS";
    if (call->question.mode == LIMIT_SETTLE)
        return status_fail(&call->failure, STATUS_FAILED_PRECONDITION, "charges",
                           "this charge was settled before to other costs, which works once, or did not charge all of "
                           "these resources; nothing was changed");
    if (call->question.charge_count == 0)
        return status_fail(&call->failure, STATUS_FAILED_PRECONDITION, "charge_id",
                           "nothing was given back: this charge was settled before, or is itself an amount that was "
                           "given back: an operator gives back an amount, with: postern ratecheck --account ID "
                           "--refund-amount RESOURCE=N");
    return status_fail(&call->failure, STATUS_FAILED_PRECONDITION, "charges",
                       "this charge_id was charged for other resources or costs, or settled since; nothing was given "
                       "back: leave `charges` out to give back all of a charge that was not settled");
}

static enum status refuse_settling(struct authorizer_call *call, const char *status_reason, const char *message)
{
    call->status_reason = status_reason;
    return status_fail(&call->failure, STATUS_FAILED_PRECONDITION, "charge_id", "%s", message);
}

static enum status fail(struct authorizer_call *call, const struct limit_call *limit_call,
                        const struct limit_answer *answer)
{
    switch (answer->verdict) {
    case LIMIT_UNDECLARED:
        return name_undeclared(call, limit_call, answer->charge);
    case LIMIT_OTHER_CHARGE:
        return name_other_charge(call);
    case LIMIT_NO_CHARGE:
        return refuse_settling(
            call, "CHARGE_UNKNOWN",
            "no charge with this charge_id is known for this caller and subject (never made, refused, from "
            "before a restart, or too old): an operator gives back an amount, with: postern "
            "ratecheck --account ID --refund-amount RESOURCE=N");
    case LIMIT_OTHER_KEY:
        return refuse_settling(call, "CHARGE_OF_KEY",
                               "limits of a key's own were charged, too: name that key, so that all of the charge is "
                               "settled or given back; nothing was changed");
    case LIMIT_GIVEN_BACK:
        if (is_settling(call))
            return refuse_settling(call, "CHARGE_GIVEN_BACK",
                                   "this charge was given back before, which works once: charge under a new charge_id");
        return status_fail(&call->failure, STATUS_ALREADY_EXISTS, "charge_id",
                           "this charge_id is of a charge that was given back; nothing was charged: make a new "
                           "charge_id to charge again");
    case LIMIT_WINDOW_OVER:
        return refuse_settling(call, "CHARGE_WINDOW_OVER",
                               "the window that was charged is over, or its limit applies no more: there is nothing to "
                               "give back or add to; what is left now: postern ratecheck --account ID --peek");
    case LIMIT_ADMITTED:
    case LIMIT_DENIED:
    case LIMIT_TOO_COSTLY:
    case LIMIT_WAIT:
    case LIMIT_UNDECIDED:
    case LIMIT_ABSENT: // this one and the next are about the whole batch
    case LIMIT_NO_MEMORY:
        break;
    }
    return status_fail(&call->failure, STATUS_INTERNAL, NULL, "the limits gave no answer");
}

static enum status conclude_call(struct authorizer *a, struct authorizer_call *call,
                                 const struct limit_call *limit_call, const struct limit_answer *answer)
{
    enum reason *reason = &call->decision.reason;
    if (answer->verdict == LIMIT_ADMITTED)
        *reason = REASON_ALLOWED;
    else if (answer->verdict == LIMIT_DENIED)
        *reason = REASON_RATE_LIMITED;
    else if (answer->verdict == LIMIT_TOO_COSTLY)
        *reason = REASON_COST_EXCEEDS_LIMIT;
    else
        return fail(call, limit_call, answer);
    copy_meters(a, call, answer);
    return STATUS_OK;
}

// --- the batch

void authorizer_note_refusal(struct authorizer_batch *batch)
{
    size_t n = 0;
    while (n < batch->call_count && authorizer_is_allowed(&batch->calls[n]))
        n++;
    batch->refused = n < batch->call_count ? n + 1 : 0;
}

static void conclude_batch(struct authorizer *a, struct authorizer_batch *batch, const struct authorizer_limits *limits,
                           enum limit_verdict verdict)
{
    if (verdict == LIMIT_ABSENT)
        batch->status =
            status_fail(&batch->failure, STATUS_UNAVAILABLE, NULL, "meters are being evicted too fast: retry");
    else if (verdict == LIMIT_NO_MEMORY)
        batch->status = status_fail(&batch->failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
    for (size_t i = 0; i < batch->call_count && batch->status == STATUS_OK; i++)
        if (limits->answers[i].verdict != LIMIT_UNDECIDED) // otherwise another call's failure has ended the decision
            batch->calls[i].status = conclude_call(a, &batch->calls[i], &limits->limit_calls[i], &limits->answers[i]);
}

void authorizer_conclude(struct authorizer *a, struct authorizer_batch *batch, const struct authorizer_limits *limits,
                         enum limit_verdict verdict)
{
    for (size_t i = 0; i < batch->call_count; i++) {
        batch->calls[i].status = limits->loads[i].status;
        batch->calls[i].retry_after_ms = limits->loads[i].retry_after_ms;
        batch->calls[i].status_reason = limits->loads[i].status_reason;
    }
    authorizer_note_refusal(batch);
    if (batch->refused != 0)
        return;
    conclude_batch(a, batch, limits, verdict);
    authorizer_note_refusal(batch);
}
