// Collects for a call the limits that apply to it, and what it charges them: the question that the limits are asked.
#include "authorizer/internal.h"
#include "authorizer/rule.h"

static enum status find_tier(struct authorizer_batch *batch, struct authorizer_call *call, struct registry_tier *tier)
{
    struct slice name = call->decision.account.tier;
    if (name.size == 0)
        return STATUS_OK;
    enum status status = registry_find_tier(batch->view, name, batch->arena, tier);
    if (status == STATUS_NOT_FOUND)
        return status_fail(&call->failure, STATUS_DATA_LOSS, NULL,
                           "the account's tier is missing: run posternd --check");
    return status;
}

// Has the account no limits of any kind? Then there is none that a charge could miss, and it is only counted. The
// operators' account is no customer's: its keys are no service's.
static bool is_unlimited(const struct authorizer_call *call, const struct limit_call *ask)
{
    return ask->applicable_count == 0 && !account_id_is_reserved(call->decision.account.id);
}

// What an account has spent is counted for this life of it alone. The empty slice: memory is out.
static struct slice name_owner(struct authorizer_batch *batch, const struct authorizer_call *call)
{
    if (call->subject == AUTHORIZER_BY_CUSTOM)
        return call->custom.name;
    uint8_t *name = arena_alloc(batch->arena, REGISTRY_LIFE_NAME_MAX);
    return name != NULL ? registry_life_name(&call->decision.account, name) : slice_empty();
}

static size_t collect_applicables(const struct authorizer_call *call, const struct registry_tier *tier,
                                  struct slice owner, struct limit_applicable *out)
{
    const struct authorizer_decision *d = &call->decision;
    if (call->subject == AUTHORIZER_BY_CUSTOM)
        return rule_collect_custom_limits(&call->custom, out);
    size_t count = rule_collect_limits(tier, &d->account, d->has_key ? &d->key : NULL, out);
    for (size_t i = 0; i < count; i++)
        if (out[i].subject == LIMIT_OF_ACCOUNT)
            out[i].subject_id = owner;
    return count;
}

void authorizer_collect_limits(struct authorizer_batch *batch, struct authorizer_call *call, struct limit_call *ask)
{
    const struct authorizer_question *q = &call->question;
    struct authorizer_decision *d = &call->decision;
    struct registry_tier tier = {0};
    bool is_custom = call->subject == AUTHORIZER_BY_CUSTOM;
    bool by_default = q->charge_count == 0 && !q->refund && !q->shows_all;
    call->status = is_custom ? STATUS_OK : find_tier(batch, call, &tier);
    if (call->status != STATUS_OK)
        return;
    struct limit_applicable *applicables = arena_alloc(batch->arena, LIMIT_APPLICABLE_MAX * sizeof *applicables);
    struct slice owner = name_owner(batch, call);
    if (applicables == NULL || owner.size == 0) {
        call->status = authorizer_no_memory(call);
        return;
    }
    *ask = (struct limit_call){.owner = owner,
                               .applicables = applicables,
                               .charges = by_default ? &authorizer_one_request : q->charges,
                               .charge_count = by_default ? 1 : q->charge_count,
                               .peek = q->peek,
                               .relaxed = is_custom && call->custom.relaxed,
                               .charge_id = q->charge_id,
                               .is_lasting = q->charge_is_lasting};
    ask->applicable_count = collect_applicables(call, &tier, owner, applicables);
    if (is_unlimited(call, ask))
        ask->charge_count = 0;
    // This memory is taken before anything is charged, so that the answer cannot fail after the charge.
    d->meters = arena_alloc(batch->arena, ask->applicable_count * sizeof d->meters[0]);
    if (d->meters == NULL)
        call->status = authorizer_no_memory(call);
}
