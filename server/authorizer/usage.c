// Notes decisions in the usage: which ones count, for whom, and at what cost.
#include "authorizer/internal.h"

_Static_assert((int)USAGE_ACCOUNT_MAX == (int)REGISTRY_LIFE_NAME_MAX, "an account is noted by its name");
_Static_assert((int)USAGE_KEY_ID_SIZE == (int)KEY_ID_SIZE, "a key is noted by its id");

static bool would_be_refused(const struct authorizer_decision *d)
{
    size_t i = 0;
    while (i < d->meter_count && !d->meters[i].standing.would_refuse)
        i++;
    return i < d->meter_count;
}

void authorizer_note_decision(struct authorizer *a, const struct authorizer_call *call)
{
    const struct authorizer_question *question = &call->question;
    const struct authorizer_decision *d = &call->decision;
    if (question->peek || call->status != STATUS_OK)
        return;
    bool is_charge = question->mode == LIMIT_CONSUME || question->mode == LIMIT_OVERDRAW;
    if (d->repeated || !is_charge || call->subject == AUTHORIZER_BY_CUSTOM)
        return;
    if (d->reason == REASON_RATE_LIMITED || d->reason == REASON_COST_EXCEEDS_LIMIT)
        refusal_note(&a->refusals, d);
    if (a->usage == NULL)
        return;
    struct usage_cost costs[LIMIT_CHARGES_MAX];
    bool charges_given = question->charge_count != 0;
    const struct limit_charge *charges = charges_given ? question->charges : &authorizer_one_request;
    size_t count = charges_given ? question->charge_count : 1;
    uint8_t name[REGISTRY_LIFE_NAME_MAX];
    for (size_t i = 0; i < count && i < LIMIT_CHARGES_MAX; i++)
        costs[i] = (struct usage_cost){charges[i].resource, charges[i].cost};
    usage_note(a->usage, &(struct usage_decision){
                             .key_id = d->has_key ? d->key.id : NULL,
                             .account = d->has_account ? registry_life_name(&d->account, name) : slice_empty(),
                             .reason = d->reason,
                             .charges = costs,
                             .charge_count = count < LIMIT_CHARGES_MAX ? count : LIMIT_CHARGES_MAX,
                             .would_refuse = would_be_refused(d),
                             .remote_address = question->remote_address,
                             .now_ms = d->now_ms,
                         });
}

// Without this, a key that only administers would seem never used. It charges nothing.
void authorizer_note_identity(struct authorizer *a, const struct authorizer_decision *d, struct slice remote_address)
{
    if (a->usage == NULL || !d->has_key || !d->has_account)
        return;
    uint8_t name[REGISTRY_LIFE_NAME_MAX];
    usage_note(a->usage, &(struct usage_decision){
                             .key_id = d->key.id,
                             .account = registry_life_name(&d->account, name),
                             .reason = d->reason,
                             .remote_address = remote_address,
                             .now_ms = d->now_ms,
                         });
}
