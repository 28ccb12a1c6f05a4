// The decision. authorizer_decide shows all of it; the functions that it calls stand below it, in the same order.
#include "authorizer/internal.h"
#include "base/container.h"

#include <stdlib.h>
#include <string.h>

// Those that return bool: false when there is nothing more to do for the call, or for the batch.
static bool begin(struct authorizer_batch *batch, struct authorizer_limits *limits);
static bool begin_snapshot(struct authorizer *a, struct authorizer_batch *batch);
static bool find_key_and_account(struct authorizer *a, struct authorizer_batch *batch, struct authorizer_call *call);
static bool evaluate_rules(struct authorizer *a, struct authorizer_call *call);
static bool check_scopes(struct authorizer_batch *batch, struct authorizer_call *call);
static void find_successor(struct authorizer_batch *batch, struct authorizer_call *call);
static void end_snapshot(struct authorizer_batch *batch);
static enum limit_verdict charge_limits(struct authorizer *a, struct authorizer_batch *batch,
                                        const struct authorizer_limits *limits);
static void note_usage(struct authorizer *a, const struct authorizer_batch *batch);

enum authorizer_progress authorizer_decide(struct authorizer *a, struct authorizer_batch *batch)
{
    struct authorizer_limits limits;
    meter_note_use(a->meters);
    if (!begin(batch, &limits) || !begin_snapshot(a, batch))
        return AUTHORIZER_DONE;
    for (size_t i = 0; i < batch->call_count; i++) {
        struct authorizer_call *call = &batch->calls[i];
        if (find_key_and_account(a, batch, call) && evaluate_rules(a, call) && check_scopes(batch, call))
            authorizer_find_applicable_limits(a->zones, batch, call, &limits.limit_calls[i]);
        find_successor(batch, call);
    }
    end_snapshot(batch);
    authorizer_note_refusal(batch);
    // After LIMIT_WAIT the batch may already belong to another thread, so only the last try notes it.
    if (batch->refused == 0 && charge_limits(a, batch, &limits) == LIMIT_WAIT)
        return AUTHORIZER_WAITING;
    note_usage(a, batch);
    return AUTHORIZER_DONE;
}

// --- beginning

static void wake(struct limit_waiter *waiter, enum status status)
{
    struct authorizer_batch *batch = CONTAINER_OF(waiter, struct authorizer_batch, waiter);
    batch->resume(batch, status);
}

static bool fail_batch(struct authorizer_batch *batch, enum status status, const char *field, const char *message)
{
    batch->status = status_fail(&batch->failure, status, field, "%s", message);
    return false;
}

static bool take_limits(struct authorizer_batch *batch, struct authorizer_limits *limits)
{
    size_t count = batch->call_count;
    limits->limit_calls =
        count == 1 ? &limits->limit_call : arena_array(batch->arena, count, sizeof *limits->limit_calls);
    limits->answers = count == 1 ? &limits->answer : arena_array(batch->arena, count, sizeof *limits->answers);
    limits->loads = count == 1 ? &limits->load : arena_array(batch->arena, count, sizeof *limits->loads);
    return limits->limit_calls != NULL && limits->answers != NULL && limits->loads != NULL;
}

// Clears what an earlier try has left.
static bool begin(struct authorizer_batch *batch, struct authorizer_limits *limits)
{
    batch->status = STATUS_OK;
    batch->failure = (struct status_failure){.message = ""};
    batch->refused = 0;
    batch->waiter.wake = wake; // the rest is the table's, which lets a woken waiter come before newcomers
    if (!take_limits(batch, limits))
        return fail_batch(batch, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory: retry");
    for (size_t i = 0; i < batch->call_count; i++) {
        struct authorizer_call *call = &batch->calls[i];
        memset(&call->decision, 0, sizeof call->decision);
        memset(&call->failure, 0, sizeof call->failure);
        call->status = STATUS_OK;
        call->status_reason = NULL;
        call->retry_after_ms = 0;
        limits->loads[i] = (struct meter_load){.failure = &call->failure};
    }
    return true;
}

// --- the snapshot

// A custom subject is always alone in its batch, and needs no registry.
static bool needs_registry(const struct authorizer_batch *batch)
{
    return batch->calls[0].subject != AUTHORIZER_BY_CUSTOM;
}

// The sequence number is asked for first: the snapshot is then at least that new.
static bool begin_snapshot(struct authorizer *a, struct authorizer_batch *batch)
{
    uint64_t seq = registry_committed_seq(a->registry);
    for (size_t i = 0; i < batch->call_count; i++)
        batch->calls[i].decision.seq = seq;
    enum status status = needs_registry(batch) ? store_view_begin(batch->view) : STATUS_OK;
    return status == STATUS_OK || fail_batch(batch, status, NULL, "the registry cannot be read now");
}

static void end_snapshot(struct authorizer_batch *batch)
{
    if (needs_registry(batch))
        store_view_end(batch->view);
}

// --- key and account

static enum status find_by_token(struct authorizer *a, struct authorizer_batch *batch, struct authorizer_call *call)
{
    struct authorizer_decision *d = &call->decision;
    struct registry_presented *found = arena_alloc(batch->arena, sizeof *found);
    if (found == NULL)
        return authorizer_no_memory(call);
    enum status status = registry_find_presented(a->registry, batch->view, call->question.token, batch->arena, found);
    if (status != STATUS_OK)
        return status;
    d->has_key = found->known;
    if (found->known)
        d->key = found->key;
    // An imported token has no id, or the id of another installation.
    d->has_key_id = found->known || found->id_known;
    memcpy(d->key_id, found->known ? found->key.id : found->id, sizeof d->key_id);
    return STATUS_OK;
}

static enum status find_by_key_id(struct authorizer_batch *batch, struct authorizer_call *call)
{
    struct authorizer_decision *d = &call->decision;
    d->has_key_id = true;
    memcpy(d->key_id, call->key_id, sizeof d->key_id);
    enum status status = registry_find_key(batch->view, call->key_id, batch->arena, &d->key);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && d->key.deleted))
        return status_fail(&call->failure, STATUS_NOT_FOUND, "key_id", "no such key: look it up with: postern list");
    d->has_key = status == STATUS_OK;
    return status;
}

static enum status find_named_account(struct authorizer_batch *batch, struct authorizer_call *call)
{
    struct authorizer_decision *d = &call->decision;
    enum status status = registry_find_account(batch->view, call->question.account, batch->arena, &d->account);
    d->has_account = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND)
        return status_fail(&call->failure, status, "account", "no such account; make it with: postern account put");
    return status;
}

// A key of a deleted account stays that account's, whoever has the id now. The former account is gone, so all its keys
// are revoked.
static void return_to_former(struct registry_account *account, const struct registry_key *key)
{
    uint64_t created_at_ms = key->facts.created_at_ms, revoked_ms = account->revoked_before_ms;
    *account = (struct registry_account){.id = account->id,
                                         .revoked_before_ms = created_at_ms > revoked_ms ? created_at_ms : revoked_ms,
                                         .deleted = true,
                                         .life = key->life};
}

static enum status find_account_of_key(struct authorizer_batch *batch, struct authorizer_call *call)
{
    struct authorizer_decision *d = &call->decision;
    if (!d->has_key)
        return STATUS_OK;
    enum status status = registry_find_any_account(batch->view, d->key.account, batch->arena, &d->account);
    d->has_account = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND)
        return status_fail(&call->failure, STATUS_DATA_LOSS, NULL,
                           "the key's account is missing: run posternd --check");
    if (status == STATUS_OK && !registry_is_of_life(&d->account, &d->key))
        return_to_former(&d->account, &d->key);
    return status;
}

static bool find_key_and_account(struct authorizer *a, struct authorizer_batch *batch, struct authorizer_call *call)
{
    if (batch->scratch != NULL)
        arena_reset(batch->scratch);
    switch (call->subject) {
    case AUTHORIZER_BY_TOKEN:
        call->status = find_by_token(a, batch, call);
        break;
    case AUTHORIZER_BY_KEY_ID:
        call->status = find_by_key_id(batch, call);
        break;
    case AUTHORIZER_BY_ACCOUNT:
        call->status = find_named_account(batch, call);
        break;
    case AUTHORIZER_BY_CUSTOM:
        break;
    }
    if (call->status == STATUS_OK)
        call->status = find_account_of_key(batch, call);
    return call->status == STATUS_OK;
}

// --- rules

static bool evaluate_rules(struct authorizer *a, struct authorizer_call *call)
{
    struct authorizer_decision *d = &call->decision;
    d->reason = REASON_ALLOWED;
    if (call->subject == AUTHORIZER_BY_CUSTOM)
        return true;
    d->now_ms = clock_now_ms(a->clock);
    d->reason = rule_evaluate(&(struct rule_facts){.question = &call->question,
                                                   .subject = call->subject,
                                                   .key_known = d->has_key,
                                                   .key = &d->key,
                                                   .account = &d->account,
                                                   .now_ms = d->now_ms});
    return d->reason == REASON_ALLOWED;
}

// --- scopes

// The catalogue is read only where the names alone do not decide.
static bool check_scopes(struct authorizer_batch *batch, struct authorizer_call *call)
{
    if (call->question.need_count == 0)
        return true;
    call->status = authorizer_list_missing_scopes(batch, call);
    if (call->decision.missing_scope_count > 0)
        call->decision.reason = REASON_INSUFFICIENT_SCOPE;
    return call->status == STATUS_OK && call->decision.reason == REASON_ALLOWED;
}

// --- a key that is being rolled out

// Says who replaces a key that is being rolled out, whatever comes of the call. Other keys cost no look-up.
static void find_successor(struct authorizer_batch *batch, struct authorizer_call *call)
{
    struct authorizer_decision *d = &call->decision;
    if (call->status != STATUS_OK || call->subject != AUTHORIZER_BY_TOKEN || !d->has_key || !d->key.facts.has_successor)
        return;
    const struct registry_successor_wanted wanted = {.account_revoked_before_ms = d->account.revoked_before_ms,
                                                     .at_ms = d->now_ms};
    if (key_state(&d->key.facts, wanted.account_revoked_before_ms, d->now_ms) == KEY_STATE_ROLLING)
        call->status = registry_find_successor(batch->view, &d->key, &wanted, &d->successor);
}

// --- charging

// After LIMIT_WAIT the batch and everything that it points to may already belong to another thread.
static enum limit_verdict charge_limits(struct authorizer *a, struct authorizer_batch *batch,
                                        const struct authorizer_limits *limits)
{
    enum limit_verdict verdict = meter_decide(a->meters, batch->arena, limits->limit_calls, batch->call_count,
                                              &batch->waiter, limits->answers, limits->loads);
    if (verdict != LIMIT_WAIT)
        authorizer_conclude(a, batch, limits, verdict);
    return verdict;
}

// --- the usage

// A call that says ALLOWED is not noted when another call was refused: it was not charged.
static void note_usage(struct authorizer *a, const struct authorizer_batch *batch)
{
    for (size_t i = 0; i < batch->call_count && batch->status == STATUS_OK; i++)
        if (batch->refused == 0 || !authorizer_is_allowed(&batch->calls[i]))
            authorizer_note_decision(a, &batch->calls[i]);
}

// --- the same without limits

enum status authorizer_identify(struct authorizer *a, struct store_txn *view, struct arena *arena, struct slice token,
                                struct slice address, struct authorizer_identity *out)
{
    struct authorizer_call *call = arena_array(arena, 1, sizeof *call);
    struct authorizer_batch batch = {.calls = call, .call_count = 1, .view = view, .arena = arena};
    *out = (struct authorizer_identity){.reason = REASON_INVALID_API_KEY};
    meter_note_use(a->meters);
    if (call == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    call->subject = AUTHORIZER_BY_TOKEN;
    call->question = (struct authorizer_question){.token = token, .remote_address = address, .secret_only = true};
    if (!begin_snapshot(a, &batch))
        return batch.status;
    if (find_key_and_account(a, &batch, call))
        (void)evaluate_rules(a, call);
    end_snapshot(&batch);
    if (call->status != STATUS_OK)
        return call->status;
    authorizer_note_identity(a, &call->decision, address);
    out->reason = call->decision.reason;
    out->key = call->decision.key;
    out->account = call->decision.account;
    return STATUS_OK;
}

// --- opening and closing

enum status authorizer_open(const struct authorizer_options *options, struct authorizer **out,
                            struct status_failure *failure)
{
    struct authorizer *a = calloc(1, sizeof *a);
    if (a == NULL)
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory while starting");
    a->zones = options->zones;
    a->registry = options->registry;
    a->meters = options->meters;
    a->clock = options->clock;
    a->usage = options->usage;
    refusals_init(&a->refusals);
    *out = a;
    return STATUS_OK;
}

void authorizer_close(struct authorizer *a)
{
    if (a != NULL)
        refusals_wipe(&a->refusals);
    free(a);
}
