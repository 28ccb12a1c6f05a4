// The recipe of a decision: facts from a snapshot, the rules, then all limits at once.
#include "authorizer/charge.h"
#include "authorizer/internal.h"
#include "authorizer/rule.h"
#include "authorizer/scope.h"

#include <string.h>

const char *const authorizer_tables[] = {[TABLE_METER] = "meter", [TABLE_CLOCK] = "clock"};
const size_t authorizer_table_count = sizeof authorizer_tables / sizeof authorizer_tables[0];

// ------------------------------------------------------------------------------------------------ facts

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
        return status_fail(&call->note, STATUS_NOT_FOUND, "key_id", "no such key");
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
        return status_fail(&call->note, status, "account", "no such account; make it with PutAccount");
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

// Read before the snapshot is taken, which is then at least that new.
static enum status check_seq(struct authorizer *a, struct authorizer_call *call)
{
    call->decision.seq = registry_committed_seq(a->registry);
    if (call->decision.seq >= call->min_seq)
        return STATUS_OK;
    return status_fail(&call->note, STATUS_UNAVAILABLE, "min_seq", "this state is not that new yet: retry");
}

// Inside the snapshot: who is it, and does any rule refuse?
static enum status judge(struct authorizer *a, struct authorizer_call *call, struct registry_tier *tier)
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
    if (status == STATUS_OK && d->reason == REASON_ALLOWED && d->account.tier.size > 0) {
        status = registry_find_tier(call->view, d->account.tier, call->arena, tier);
    }
    if (status == STATUS_NOT_FOUND) {
        return status_fail(&call->note, STATUS_DATA_LOSS, NULL, "the account's tier is missing: run posternd --check");
    }
    return status;
}

// ------------------------------------------------------------------------------------------------ recipe

static void wake(struct limit_waiter *waiter, enum status status)
{
    struct authorizer_call *call =
        (struct authorizer_call *)(void *)((char *)waiter - offsetof(struct authorizer_call, waiter));
    call->resume(call, status);
}

static enum authorizer_progress decide(struct authorizer *a, struct authorizer_call *call)
{
    struct registry_tier tier = {0};
    memset(&call->decision, 0, sizeof call->decision);
    memset(&call->note, 0, sizeof call->note);
    call->waiter.wake = wake; // `next` is the table's: whoever was woken comes before those who have not waited
    call->status = check_seq(a, call);
    if (call->status == STATUS_OK)
        call->status = store_view_begin(call->view);
    if (call->status != STATUS_OK) {
        return AUTHORIZER_DONE;
    }
    call->status = judge(a, call, &tier);
    store_view_end(call->view);
    if (call->status != STATUS_OK || call->decision.reason != REASON_ALLOWED) {
        return AUTHORIZER_DONE;
    }
    return charge_decide(a, call, &tier);
}

enum authorizer_progress authorizer_decide(struct authorizer *a, struct authorizer_call *call)
{
    enum authorizer_progress progress = decide(a, call);
    // While it waits, the call may be somebody else's already; its last turn notes it.
    if (progress == AUTHORIZER_DONE)
        note_decision(a, call);
    return progress;
}

enum status authorizer_identify(struct authorizer *a, struct store_txn *view, struct arena *arena, struct slice token,
                                struct slice address, struct authorizer_identity *out)
{
    struct registry_tier tier = {0};
    struct authorizer_call *call = arena_array(arena, 1, sizeof *call);
    *out = (struct authorizer_identity){.reason = REASON_INVALID_API_KEY};
    if (call == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    call->arena = arena;
    call->view = view;
    call->subject = AUTHORIZER_BY_TOKEN;
    call->question = (struct authorizer_question){.token = token, .remote_address = address, .secret_only = true};
    enum status status = store_view_begin(view);
    if (status != STATUS_OK)
        return status;
    status = judge(a, call, &tier);
    store_view_end(view);
    if (status != STATUS_OK)
        return status;
    note_identity(a, call);
    out->reason = call->decision.reason;
    out->key = call->decision.key;
    out->account = call->decision.account;
    return STATUS_OK;
}
