#include "rpc/handler.h"
#include "rpc/wire.h"

// --- put_account

static bool answer_put_account(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__PutAccountReply *put = arena_alloc(change->command.arena, sizeof *put);
    if (put == NULL)
        return false;
    postern__v1__put_account_reply__init(put);
    put->account = wire_account(change->command.arena, &change->command.result.account);
    reply->result_case = POSTERN__V1__REPLY__RESULT_PUT_ACCOUNT;
    reply->put_account = put;
    return put->account != NULL;
}

// None given: test only.
static void read_environments(const Postern__V1__PutAccountRequest *request, struct registry_account *out)
{
    out->allows_test = request->n_environments == 0;
    for (size_t i = 0; i < request->n_environments; i++) {
        if (request->environments[i] == POSTERN__V1__ENVIRONMENT__ENVIRONMENT_LIVE)
            out->allows_live = true;
        else
            out->allows_test = true;
    }
}

static bool read_account(struct call *call, struct registry_account *out)
{
    const Postern__V1__PutAccountRequest *request = call->request->put_account;
    out->id = wire_slice(request->account);
    out->display_name = wire_slice(request->display_name);
    out->tier = wire_slice(request->tier);
    out->suspended = request->suspended;
    out->max_keys = request->max_keys;
    out->no_default_public_key = request->no_default_public_key;
    out->limit_count = request->n_limits;
    out->metadata_count = request->n_metadata;
    read_environments(request, out);
    return wire_read_entries(call->arena, request->metadata, request->n_metadata, &out->metadata);
}

enum call_progress handler_put_account(struct call *call)
{
    const Postern__V1__PutAccountRequest *request = call->request->put_account;
    if (request->account.len == 0)
        return call_fail_member(call, "account", "is missing: name the account");
    struct handler_change *change = handler_change_new(call, REGISTRY_PUT_ACCOUNT);
    if (change == NULL || !read_account(call, &change->command.ask.put_account.account))
        return call_fail_memory(call);
    struct status_note note = {0};
    enum status status = wire_read_limits(call->arena, request->limits, request->n_limits,
                                          &change->command.ask.put_account.account.limits, &note);
    if (status != STATUS_OK)
        return call_fail_note(call, status, &note);
    change->command.if_version = request->if_version;
    change->answer = answer_put_account;
    return handler_submit(change);
}

// --- put_tier

static bool answer_put_tier(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__PutTierReply *put = arena_alloc(change->command.arena, sizeof *put);
    if (put == NULL)
        return false;
    postern__v1__put_tier_reply__init(put);
    put->tier = wire_tier(change->command.arena, &change->command.result.tier);
    reply->result_case = POSTERN__V1__REPLY__RESULT_PUT_TIER;
    reply->put_tier = put;
    return put->tier != NULL;
}

enum call_progress handler_put_tier(struct call *call)
{
    const Postern__V1__PutTierRequest *request = call->request->put_tier;
    if (request->tier.len == 0)
        return call_fail_member(call, "tier", "is missing: name the tier");
    struct handler_change *change = handler_change_new(call, REGISTRY_PUT_TIER);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_tier *tier = &change->command.ask.put_tier.tier;
    tier->name = wire_slice(request->tier);
    tier->is_default = request->is_default;
    tier->limit_count = request->n_limits;
    struct status_note note = {0};
    enum status status = wire_read_limits(call->arena, request->limits, request->n_limits, &tier->limits, &note);
    if (status != STATUS_OK)
        return call_fail_note(call, status, &note);
    change->command.if_version = request->if_version;
    change->answer = answer_put_tier;
    return handler_submit(change);
}
