// Which limits apply to a call, and what it charges them: the question that the limits are asked.
#include "authorizer/internal.h"

#include <string.h>

const struct limit_charge authorizer_one_request = {{(const uint8_t *)"requests", 8}, 1};

// --- the limits of records. Everything here is pure.

_Static_assert(LIMIT_APPLICABLE_MAX >= 3 * LIMIT_PER_RECORD_MAX, "tier, account and key limits must fit");

static bool is_overridden(const struct limit *limit, const struct registry_account *account)
{
    for (size_t i = 0; i < account->limit_count; i++)
        if (limit_same_window(limit, &account->limits[i]))
            return true;
    return false;
}

static size_t at_most(size_t count)
{
    return count < LIMIT_PER_RECORD_MAX ? count : LIMIT_PER_RECORD_MAX;
}

size_t applicable_limits(const struct registry_tier *tier, const struct registry_account *account,
                         const struct registry_key *key, struct slice owner,
                         struct limit_applicable out[LIMIT_APPLICABLE_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < at_most(tier->limit_count); i++)
        if (!is_overridden(&tier->limits[i], account))
            out[count++] = (struct limit_applicable){tier->limits[i], LIMIT_OF_ACCOUNT, owner, NULL};
    for (size_t i = 0; i < at_most(account->limit_count); i++)
        out[count++] = (struct limit_applicable){account->limits[i], LIMIT_OF_ACCOUNT, owner, NULL};
    for (size_t i = 0; key != NULL && i < at_most(key->limit_count); i++) {
        struct slice lineage = slice_make(key->lineage, sizeof key->lineage);
        out[count++] = (struct limit_applicable){key->limits[i], LIMIT_OF_KEY, lineage, NULL};
    }
    return count;
}

size_t applicable_custom_limits(const struct authorizer_custom *custom,
                                struct limit_applicable out[LIMIT_APPLICABLE_MAX])
{
    size_t count = at_most(custom->limit_count);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct limit_applicable){custom->limits[i], LIMIT_OF_CUSTOM, custom->name, NULL};
    return count;
}

// Puts all of them into the account's time zone, or else its tier's. One that is not to be had any more, which
// zone_find says once, is as none: the installation's.
static void name_zone(struct zone_table *zones, const struct registry_tier *tier,
                      const struct registry_account *account, struct limit_call *limit_call,
                      struct limit_applicable *applicables)
{
    const struct zone *zone = NULL;
    struct slice name = account->time_zone.size > 0 ? account->time_zone : tier->time_zone;
    if (name.size == 0 || zones == NULL || !zone_find(zones, name, &zone))
        return;
    for (size_t i = 0; i < limit_call->applicable_count; i++)
        applicables[i].zone = zone;
}

// --- those of a call

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
static bool is_unlimited(const struct authorizer_call *call, const struct limit_call *limit_call)
{
    return limit_call->applicable_count == 0 && !account_id_is_reserved(call->decision.account.id);
}

// What an account has spent is counted for this life of it alone. The empty slice: memory is out.
static struct slice name_owner(struct authorizer_batch *batch, const struct authorizer_call *call)
{
    if (call->subject == AUTHORIZER_BY_CUSTOM)
        return call->custom.name;
    uint8_t *name = arena_alloc(batch->arena, REGISTRY_LIFE_NAME_MAX);
    return name != NULL ? registry_life_name(&call->decision.account, name) : slice_empty();
}

// A meter that was reset has another name: the change that did it stands behind the subject. False when memory is out.
static bool name_reset_meters(struct authorizer_batch *batch, const struct authorizer_decision *d,
                              struct limit_applicable *applicables, size_t count)
{
    if (d->account.meter_resets.size == 0 && d->key.meter_resets.size == 0)
        return true;
    for (size_t i = 0; i < count; i++) {
        bool is_keys = applicables[i].subject == LIMIT_OF_KEY;
        struct slice subject = applicables[i].subject_id;
        struct slice seq =
            registry_reset_of(is_keys ? d->key.meter_resets : d->account.meter_resets, applicables[i].limit.resource);
        if (seq.size == 0)
            continue;
        uint8_t *name = arena_alloc(batch->arena, subject.size + 1 + seq.size);
        if (name == NULL)
            return false;
        memcpy(name, subject.data, subject.size);
        name[subject.size] = '#'; // in no id of an account
        memcpy(&name[subject.size + 1], seq.data, seq.size);
        applicables[i].subject_id = slice_make(name, subject.size + 1 + seq.size);
    }
    return true;
}

void authorizer_find_applicable_limits(struct zone_table *zones, struct authorizer_batch *batch,
                                       struct authorizer_call *call, struct limit_call *limit_call)
{
    const struct authorizer_question *q = &call->question;
    struct authorizer_decision *d = &call->decision;
    struct registry_tier tier = {0};
    bool is_custom = call->subject == AUTHORIZER_BY_CUSTOM;
    bool by_default = q->charge_count == 0 && q->mode == LIMIT_CONSUME && !q->shows_all;
    call->status = is_custom ? STATUS_OK : find_tier(batch, call, &tier);
    if (call->status != STATUS_OK)
        return;
    struct limit_applicable *applicables = arena_alloc(batch->arena, LIMIT_APPLICABLE_MAX * sizeof *applicables);
    struct slice owner = name_owner(batch, call);
    if (applicables == NULL || owner.size == 0) {
        call->status = authorizer_no_memory(call);
        return;
    }
    *limit_call =
        (struct limit_call){.owner = owner,
                            .applicables = applicables,
                            .charges = by_default ? &authorizer_one_request : q->charges,
                            .charge_count = by_default ? 1 : q->charge_count,
                            .peek = q->peek,
                            .relaxed = is_custom && call->custom.relaxed,
                            .charge_id = q->charge_id,
                            .key = d->has_key ? slice_make(d->key.lineage, sizeof d->key.lineage) : slice_empty(),
                            .is_lasting = q->charge_is_lasting,
                            .mode = q->mode,
                            .maker = is_custom ? call->custom.maker : 0};
    limit_call->applicable_count =
        is_custom ? applicable_custom_limits(&call->custom, applicables)
                  : applicable_limits(&tier, &d->account, d->has_key ? &d->key : NULL, owner, applicables);
    if (!is_custom)
        name_zone(zones, &tier, &d->account, limit_call, applicables);
    if (is_unlimited(call, limit_call))
        limit_call->charge_count = 0;
    // This memory is taken before anything is charged, so that the answer cannot fail after the charge.
    d->meters = arena_alloc(batch->arena, limit_call->applicable_count * sizeof d->meters[0]);
    if (d->meters == NULL || !name_reset_meters(batch, d, applicables, limit_call->applicable_count))
        call->status = authorizer_no_memory(call);
}
