#include "authorizer/judge.h"

#include "authorizer/rule.h"
#include "authorizer/scope.h"

#include <string.h>

static enum status find_by_token(struct authorizer *a, struct authorizer_call *call, bool *known)
{
    struct authorizer_decision *d = &call->decision;
    struct registry_presented *found = arena_alloc(call->arena, sizeof *found);
    if (found == NULL)
        return status_fail(&call->note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
    enum status status = registry_find_presented(a->registry, call->view, call->question.token, call->arena, found);
    if (status != STATUS_OK)
        return status;
    *known = found->known;
    if (found->known)
        d->key = found->key;
    // An imported token carries no id, or one of another installation.
    d->has_key_id = found->known || found->id_known;
    memcpy(d->key_id, found->known ? found->key.id : found->id, sizeof d->key_id);
    return STATUS_OK;
}

static enum status find_by_key_id(struct authorizer_call *call, bool *known)
{
    struct authorizer_decision *d = &call->decision;
    d->has_key_id = true;
    memcpy(d->key_id, call->key_id, sizeof d->key_id);
    enum status status = registry_find_key(call->view, call->key_id, call->arena, &d->key);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && d->key.deleted)) {
        return status_fail(&call->note, STATUS_NOT_FOUND, "key_id", "no such key: look it up with: postern list");
    }
    *known = status == STATUS_OK;
    return status;
}

static enum status find_account(struct authorizer_call *call, struct slice id)
{
    struct authorizer_decision *d = &call->decision;
    enum status status = call->subject == AUTHORIZER_BY_ACCOUNT
                             ? registry_find_account(call->view, id, call->arena, &d->account)
                             : registry_find_owner(call->view, id, call->arena, &d->account);
    if (status == STATUS_NOT_FOUND && call->subject != AUTHORIZER_BY_ACCOUNT) {
        return status_fail(&call->note, STATUS_DATA_LOSS, NULL, "the key's account is missing: run posternd --check");
    }
    if (status == STATUS_NOT_FOUND) {
        return status_fail(&call->note, status, "account", "no such account; make it with: postern account put");
    }
    d->has_account = status == STATUS_OK;
    return status;
}

static enum status find_key(struct authorizer *a, struct authorizer_call *call, bool *known)
{
    switch (call->subject) {
    case AUTHORIZER_BY_TOKEN:
        return find_by_token(a, call, known);
    case AUTHORIZER_BY_KEY_ID:
        return find_by_key_id(call, known);
    case AUTHORIZER_BY_ACCOUNT:
    case AUTHORIZER_BY_CUSTOM:
        return STATUS_OK;
    }
    return STATUS_INTERNAL;
}

static enum status find_subject(struct authorizer *a, struct authorizer_call *call)
{
    struct authorizer_decision *d = &call->decision;
    enum status status = find_key(a, call, &d->has_key);
    if (status != STATUS_OK) {
        return status;
    }
    if (d->has_key) {
        return find_account(call, d->key.account);
    }
    return call->subject == AUTHORIZER_BY_ACCOUNT ? find_account(call, call->question.account) : STATUS_OK;
}

void judge_begin(struct authorizer_call *call)
{
    memset(&call->decision, 0, sizeof call->decision);
    memset(&call->note, 0, sizeof call->note);
    call->word = NULL;
}

enum status judge_seq(struct authorizer *a, struct authorizer_call *call)
{
    call->decision.seq = registry_committed_seq(a->registry);
    if (call->decision.seq >= call->min_seq)
        return STATUS_OK;
    return status_fail(&call->note, STATUS_UNAVAILABLE, "min_seq", "this state is not that new yet: retry");
}

static enum status find_tier(struct authorizer_call *call, struct registry_tier *tier)
{
    const struct registry_account *account = &call->decision.account;
    if (account->tier.size == 0)
        return STATUS_OK;
    enum status status = registry_find_tier(call->view, account->tier, call->arena, tier);
    if (status == STATUS_NOT_FOUND)
        return status_fail(&call->note, STATUS_DATA_LOSS, NULL, "the account's tier is missing: run posternd --check");
    return status;
}

enum status judge_call(struct authorizer *a, struct authorizer_call *call, struct registry_tier *tier)
{
    struct authorizer_decision *d = &call->decision;
    enum status status = find_subject(a, call);
    if (status != STATUS_OK) {
        return status;
    }
    d->now_ms = clock_now_ms(a->clock);
    d->reason = rule_judge(&(struct rule_facts){.question = &call->question,
                                                .subject = call->subject,
                                                .key_known = d->has_key,
                                                .key = &d->key,
                                                .account = &d->account,
                                                .now_ms = d->now_ms});
    if (d->reason == REASON_ALLOWED && call->question.scope_count > 0) {
        status = scope_list_missing(call);
        d->reason = d->missing_scope_count > 0 ? REASON_INSUFFICIENT_SCOPE : REASON_ALLOWED;
    }
    if (status == STATUS_OK && d->reason == REASON_ALLOWED)
        status = find_tier(call, tier);
    return status;
}
