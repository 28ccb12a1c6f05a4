// Answers RateCheck: charges an account, a key or a custom subject. Of a key the state and the account are evaluated,
// its scopes and its address list are not: the call names neither.
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

static bool fill(struct call *call, const struct authorizer_call *ask)
{
    const struct authorizer_decision *decision = &ask->decision;
    Postern__V1__RateCheckReply *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL)
        return false;
    reply->allowed = decision->reason == REASON_ALLOWED;
    reply->reason = (Postern__V1__Reason)decision->reason;
    reply->http_status = reason_http_status(decision->reason);
    if (decision->has_account) {
        reply->account = wire_text(decision->account.id);
        reply->tier = wire_text(decision->account.tier);
    }
    reply->n_meters = decision->meter_count;
    reply->binding_meter = (uint32_t)decision->binding_meter;
    reply->retry_after_ms = decision->retry_after_ms;
    return (!decision->has_key_id || wire_key_id(call->arena, decision->key_id, &reply->key_id)) &&
           handler_add_details(call->arena, ask, wire_slice(reply->key_id), &call->status) &&
           wire_meters(call->arena, decision->meters, decision->meter_count, &reply->meters);
}

// --- who may ask about whom

static enum call_progress refuse_subject(struct call *call, const char *field)
{
    return call_fail(call, STATUS_NOT_FOUND, field,
                     "your account has no such key, and is no other account: to RateCheck those of others takes the "
                     "scope postern:ratecheck");
}

// The subject; *key is NULL when it is nobody's.
static enum status find_subject(struct call *call, const struct authorizer_call *ask, const struct registry_key **key)
{
    struct registry_presented *found = arena_array(call->arena, 1, sizeof *found);
    *key = NULL;
    if (found == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    enum status status;
    if (ask->subject == AUTHORIZER_BY_KEY_ID)
        status = registry_find_key(call->view, ask->key_id, call->arena, &found->key);
    else
        status = registry_find_presented(call->server->registry, call->view, ask->question.token, call->arena, found);
    if (status == STATUS_OK && (found->known || ask->subject == AUTHORIZER_BY_KEY_ID))
        *key = &found->key;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// A key's account never changes, so it may be looked up before. A token that is nobody's is a decision, no failure.
static enum call_progress decide_key(struct call *call, struct handler_inquiry *inquiry, const char *field)
{
    const struct registry_key *key;
    if ((call->caller.authorities & AUTHORITY_RATECHECK) != 0)
        return handler_decide(inquiry);
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK)
        status = handler_end_view(call, find_subject(call, &inquiry->ask, &key));
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the key cannot be read: %s", status_name(status));
    bool is_token = inquiry->ask.subject == AUTHORIZER_BY_TOKEN;
    bool is_nobodys = is_token && key == NULL;
    if (!is_nobodys && (key == NULL || !authority_covers_rate_check_of_key(call, key)))
        return refuse_subject(call, field);
    return handler_decide(inquiry);
}

// --- custom subjects: their limits come with the call

// A namespace has no NUL, so that no two subjects have one name.
bool handler_custom_name(struct arena *arena, ProtobufCBinaryData space, ProtobufCBinaryData identifier,
                         struct slice *out)
{
    size_t size = space.len + 1 + identifier.len;
    uint8_t *bytes = arena_alloc(arena, size);
    if (bytes == NULL)
        return false;
    memcpy(bytes, space.data, space.len);
    bytes[space.len] = 0;
    memcpy(&bytes[space.len + 1], identifier.data, identifier.len);
    *out = slice_make(bytes, size);
    return true;
}

// Whose share a new subject takes. All keys of an account are one caller, as it may make any number of them; an
// account's id has no ':', which all other names have. It is stored with the meters, so it is the same after a restart.
static uint32_t maker_of(const struct call *call)
{
    const struct call_caller *caller = &call->caller;
    struct slice name = caller->key != NULL ? caller->account : slice_text(caller->name);
    uint64_t hash = slice_hash(name, SLICE_HASH_SEED);
    uint32_t maker = (uint32_t)(hash ^ hash >> 32);
    return maker != 0 ? maker : 1;
}

static const char *find_conflict(const struct limit *a, const struct limit *b)
{
    if (!slice_equal(a->resource, b->resource))
        return NULL;
    if (a->unlimited != b->unlimited)
        return "says that a resource is unlimited which another one limits";
    return limit_same_meter(a, b) ? "counts on the same meter as one before it: same resource, algorithm and window"
                                  : NULL;
}

// The first limit that contradicts one before it; `count` when there is none.
static size_t find_contradiction(const struct limit *limits, size_t count, const char **why)
{
    for (size_t i = 1; i < count; i++)
        for (size_t earlier = 0; earlier < i; earlier++)
            if ((*why = find_conflict(&limits[earlier], &limits[i])) != NULL)
                return i;
    return count;
}

static enum status read_custom_limits(struct call *call, const Postern__V1__Custom *custom,
                                      struct authorizer_custom *out)
{
    struct registry_tier own; // its limits, from the call
    struct status_failure failure = {.message = ""};
    const char *why = NULL;
    enum status status = wire_read_record(call->arena, REGISTRY_TIER, &custom->base, &own, &failure);
    char field[sizeof failure.field];
    if (status != STATUS_OK) {
        (void)snprintf(field, sizeof field, "custom.%.80s", failure.field);
        return status_fail(&call->failure, status, field, "%s", failure.message);
    }
    out->limits = own.limits;
    out->limit_count = own.limit_count;
    for (size_t i = 0; i < own.limit_count; i++)
        if (own.limits[i].period == LIMIT_YEAR || own.limits[i].period == LIMIT_TOTAL) {
            (void)snprintf(field, sizeof field, "custom.limits[%zu].period", i);
            return status_fail(&call->failure, STATUS_INVALID_ARGUMENT, field,
                               "rate_check.%s is longer than a custom subject is kept: at most a month", field);
        }
    size_t wrong = find_contradiction(own.limits, own.limit_count, &why);
    if (wrong == own.limit_count)
        return STATUS_OK;
    (void)snprintf(field, sizeof field, "custom.limits[%zu]", wrong);
    return status_fail(&call->failure, STATUS_INVALID_ARGUMENT, field, "rate_check.%s %s", field, why);
}

static enum call_progress decide_custom(struct handler_inquiry *inquiry, const Postern__V1__Custom *custom)
{
    struct call *call = inquiry->call;
    struct authorizer_custom *subject = &inquiry->ask.custom;
    if (custom->namespace_.len == 0)
        return call_fail_member(call, "custom.namespace", "is missing: say whose identifiers these are, e.g. login");
    if (custom->identifier.len == 0)
        return call_fail_member(call, "custom.identifier", "is missing: say who or what is being counted");
    if (custom->n_limits == 0)
        return call_fail_member(call, "custom.limits", "is empty: a custom subject brings at least one limit");
    if (!handler_custom_name(call->arena, custom->namespace_, custom->identifier, &subject->name))
        return call_fail_memory(call);
    subject->maker = maker_of(call);
    subject->relaxed = custom->relaxed;
    enum status status = read_custom_limits(call, custom, subject);
    if (status != STATUS_OK) {
        struct status_failure failure = call->failure;
        return call_fail_failure(call, status, &failure);
    }
    return handler_decide(inquiry);
}

// --- the call

static enum call_progress ask_about(struct call *call, struct handler_inquiry *inquiry)
{
    const Postern__V1__RateCheckRequest *request = call->request->rate_check;
    switch (request->subject_case) {
    case POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_API_KEY:
        inquiry->ask.subject = AUTHORIZER_BY_TOKEN;
        inquiry->ask.question.token = wire_slice(request->api_key);
        return decide_key(call, inquiry, "rate_check.api_key");
    case POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_KEY_ID:
        inquiry->ask.subject = AUTHORIZER_BY_KEY_ID;
        if (!key_id_parse(wire_slice(request->key_id), inquiry->ask.key_id))
            return call_fail_member(call, "key_id", "is empty");
        return decide_key(call, inquiry, "rate_check.key_id");
    case POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_ACCOUNT:
        inquiry->ask.subject = AUTHORIZER_BY_ACCOUNT;
        inquiry->ask.question.account = wire_slice(request->account);
        if (request->account.len == 0)
            return call_fail_member(call, "account", "is empty");
        if (!authority_covers_rate_check(call, inquiry->ask.question.account))
            return refuse_subject(call, "rate_check.account");
        return handler_decide(inquiry);
    case POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_CUSTOM:
        inquiry->ask.subject = AUTHORIZER_BY_CUSTOM;
        return decide_custom(inquiry, request->custom);
    default:
        return call_fail_member(call, "subject", "is missing: set api_key, key_id, account or custom");
    }
}

// What is counted before it waits is found again by its id; without one it gets one of its own.
static bool read_charge_id(struct call *call, struct authorizer_question *question)
{
    const Postern__V1__RateCheckRequest *request = call->request->rate_check;
    uint8_t own[HANDLER_CHARGE_ID_SIZE];
    ProtobufCBinaryData id = request->charge_id;
    bool needs_id = question->mode == LIMIT_OVERDRAW || question->mode == LIMIT_REFUND_AMOUNT;
    if (needs_id && id.len == 0) {
        random_fill(own, sizeof own);
        id = (ProtobufCBinaryData){sizeof own, own};
    }
    return handler_charge_id(call, call->arena, id, &question->charge_id);
}

static enum limit_mode mode_of(const Postern__V1__RateCheckRequest *request)
{
    switch ((int)request->mode) {
    case POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_REFUND:
        return LIMIT_REFUND;
    case POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_SETTLE:
        return LIMIT_SETTLE;
    case POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_REFUND_AMOUNT:
        return LIMIT_REFUND_AMOUNT;
    default:
        return request->overdraw ? LIMIT_OVERDRAW : LIMIT_CONSUME;
    }
}

static bool read_question(struct call *call, struct authorizer_question *question)
{
    const Postern__V1__RateCheckRequest *request = call->request->rate_check;
    question->peek = request->mode == POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_PEEK;
    question->mode = mode_of(request);
    question->charge_is_lasting = true;
    question->names_no_address = true;
    question->charge_count = request->n_charges;
    question->shows_all = question->peek && request->n_charges == 0;
    return wire_read_charges(call->arena, request->charges, request->n_charges, &question->charges) &&
           read_charge_id(call, question);
}

// Says what is missing, or contradicts the mode; then *progress is the answer.
static bool is_refused(struct call *call, enum call_progress *progress)
{
    const Postern__V1__RateCheckRequest *request = call->request->rate_check;
    enum limit_mode mode = mode_of(request);
    bool peek = request->mode == POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_PEEK;
    if (request->overdraw && (peek || mode != LIMIT_OVERDRAW))
        *progress = call_fail_member(call, "overdraw", "goes with a charge only: leave it or the mode out");
    else if (mode == LIMIT_REFUND && request->charge_id.len == 0)
        *progress =
            call_fail_member(call, "charge_id", "is missing: a refund names the charge_id of what it gives back");
    else if (mode == LIMIT_SETTLE && request->charge_id.len == 0)
        *progress = call_fail_member(call, "charge_id", "is missing: to settle names the charge_id of the charge");
    else if (mode == LIMIT_SETTLE && request->n_charges == 0)
        *progress = call_fail_member(call, "charges", "is empty: say what was really used; to give back all, REFUND");
    else if (mode != LIMIT_REFUND && !peek && request->n_charges == 0)
        *progress = call_fail_member(call, "charges", "is empty: name at least one resource to charge");
    else if (mode == LIMIT_REFUND_AMOUNT && (call->caller.authorities & AUTHORITY_OPERATOR) == 0)
        *progress = call_fail(call, STATUS_PERMISSION_DENIED, "rate_check.mode",
                              "REFUND_AMOUNT needs the authority operator: call over ipc as root or as the daemon's "
                              "user, or with a credential that has the scope postern:operator");
    else
        return false;
    return true;
}

// An account-admin sees what is left to its own account and keys, and charges nothing.
static enum status require_authority(struct call *call)
{
    const Postern__V1__RateCheckRequest *request = call->request->rate_check;
    bool peek = request->mode == POSTERN__V1__RATE_CHECK_MODE__RATE_CHECK_MODE_PEEK;
    bool custom = request->subject_case == POSTERN__V1__RATE_CHECK_REQUEST__SUBJECT_CUSTOM;
    unsigned checkers = AUTHORITY_VERIFY | AUTHORITY_RATECHECK;
    return authority_require(call, peek && !custom ? checkers | AUTHORITY_ADMIN : checkers);
}

enum call_progress handler_rate_check(struct call *call)
{
    enum call_progress refused;
    enum status status = require_authority(call);
    if (status != STATUS_OK) {
        struct status_failure failure = call->failure;
        return call_fail_failure(call, status, &failure);
    }
    if (is_refused(call, &refused))
        return refused;
    struct handler_inquiry *inquiry = handler_inquiry_new(call);
    if (inquiry == NULL || !read_question(call, &inquiry->ask.question))
        return call_fail_memory(call);
    inquiry->fill = fill;
    return ask_about(call, inquiry);
}
