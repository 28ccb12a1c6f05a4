// The recipe of a decision: facts from a snapshot, the rules, then all limits at once.
#include "authorizer/internal.h"
#include "authorizer/rule.h"
#include "authorizer/scope.h"
#include "authorizer/term.h"

#include <stdio.h>
#include <string.h>

// A meter that is evicted again and again between load and decision; each turn needs an eviction by somebody else.
enum { LOADS_PER_CALL_MAX = 64 };

const char *const authorizer_tables[] = {[TABLE_METER] = "meter", [TABLE_CLOCK] = "clock"};
const size_t authorizer_table_count = sizeof authorizer_tables / sizeof authorizer_tables[0];

const struct limit_charge charge_one_request = {{(const uint8_t *)"requests", 8}, 1};

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

// ----------------------------------------------------------------------------------------------- limits

static enum status read_meter(struct authorizer *a, struct authorizer_call *call, const struct limit_name *name,
                              struct limit_record *record)
{
    pthread_mutex_lock(&a->meter_view_lock);
    enum status status = store_view_begin(a->meter_view);
    if (status == STATUS_OK) {
        struct slice bytes;
        status = store_get(a->meter_view, TABLE_METER, slice_make(name->bytes, name->size), &bytes);
        if (status == STATUS_OK) {
            status = registry_unpack_meter(bytes, call->arena, record);
        }
        store_view_end(a->meter_view);
    }
    pthread_mutex_unlock(&a->meter_view_lock);
    return status;
}

static enum status load_absent(struct authorizer *a, struct authorizer_call *call, const struct limit_call *ask,
                               const struct limit_answer *answer)
{
    for (size_t i = 0; i < answer->absent_count; i++) {
        struct limit_name name;
        struct limit_record record;
        limit_name_of(answer->absent[i], &name);
        enum status status = read_meter(a, call, &name, &record);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status_fail(&call->note, status, NULL, "a meter cannot be read from disk: see posternd's log");
        }
        const struct limit_record *found = status == STATUS_OK ? &record : NULL;
        if (!limit_install(a->limits, ask->owner, answer->absent[i], found, answer->generation)) {
            return status_fail(&call->note, STATUS_RESOURCE_EXHAUSTED, NULL, "out of memory for meters");
        }
    }
    return STATUS_OK;
}

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

static enum authorizer_progress charge(struct authorizer *a, struct authorizer_call *call,
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
    return charge(a, call, &tier);
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
