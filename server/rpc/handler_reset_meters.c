// Answers ResetMeters: a change like any other, of an account or of one of its keys; or the removal of a custom
// subject, which the registry knows nothing of.
#include "base/container.h"
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

// --- of an account or a key

static bool answer(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__ResetMetersReply *out = call_result_new(change->call, change->command.arena, reply);
    if (out == NULL)
        return false;
    out->account = wire_text(change->command.result.account.id);
    return true;
}

static enum call_progress reset(struct call *call, const Postern__V1__ResetMetersRequest *request)
{
    struct handler_change *change = handler_change_new(call, REGISTRY_RESET_METERS);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_reset_meters *ask = &change->command.ask.reset_meters;
    ask->by_key = request->key_id.len > 0;
    ask->account = wire_slice(request->account);
    ask->resource = wire_slice(request->resource);
    if (ask->by_key == (ask->account.size > 0))
        return call_fail_member(call, "account", "or key_id: give exactly one of the two");
    if (ask->by_key && !key_id_parse(wire_slice(request->key_id), ask->key_id))
        return call_fail_member(call, "key_id", "is not a key id: \"key_\" and 15 letters or digits");
    if (ask->resource.size == 0)
        return call_fail_member(call, "resource", "is missing: say which meters, e.g. requests");
    change->answer = answer;
    return handler_submit(change);
}

// --- of a custom subject

struct custom_removal {
    struct meter_removal removal;
    struct call *call;
};

static enum call_progress answer_removal(const struct custom_removal *removal, enum status status)
{
    struct call *call = removal->call;
    const Postern__V1__ResetMetersRequest *request = call->request->reset_meters;
    if (status != STATUS_OK)
        return call_fail(call, status, NULL,
                         "the custom subject cannot be removed now (disk failing, or memory out?); some or all of it "
                         "may be: repeat it, and look at the log of posternd");
    log_line(call->server->log, LOG_LEVEL_INFO, "%s has removed the custom subject %.*s/%.*s: %llu meters on disk",
             call->caller.name, SLICE_ARGS(wire_slice(request->namespace_)),
             SLICE_ARGS(wire_slice(request->identifier)), (unsigned long long)removal->removal.records);
    Postern__V1__ResetMetersReply *out = call_result_new(call, call->arena, &call->reply);
    if (out == NULL)
        return call_fail_memory(call);
    out->meters = removal->removal.records;
    return CALL_DONE;
}

// On the meters' writer thread. Nobody else holds the call now.
static void removed(struct meter_removal *of, enum status status)
{
    struct custom_removal *removal = CONTAINER_OF(of, struct custom_removal, removal);
    struct call *call = removal->call;
    (void)answer_removal(removal, status);
    call->finish(call);
}

static enum call_progress remove_custom(struct call *call, const Postern__V1__ResetMetersRequest *request)
{
    struct custom_removal *removal = arena_array(call->arena, 1, sizeof *removal);
    if ((call->caller.authorities & AUTHORITY_OPERATOR) == 0)
        return call_fail(call, STATUS_PERMISSION_DENIED, NULL,
                         "removing a custom subject needs operator authority: custom subjects belong to no account");
    if (request->account.len + request->key_id.len + request->resource.len > 0)
        return call_fail_member(call, "namespace", "goes with identifier alone: leave account, key_id, resource out");
    if (request->namespace_.len == 0)
        return call_fail_member(call, "namespace", "is missing: a custom subject is a namespace and an identifier");
    if (request->identifier.len == 0)
        return call_fail_member(call, "identifier", "is missing: a custom subject is a namespace and an identifier");
    if (removal == NULL ||
        !handler_custom_name(call->arena, request->namespace_, request->identifier, &removal->removal.subject))
        return call_fail_memory(call);
    removal->call = call;
    removal->removal.done = removed;
    meter_remove_custom(call->server->meters, &removal->removal);
    return CALL_PENDING; // it may be answered already, on another thread
}

enum call_progress handler_reset_meters(struct call *call)
{
    const Postern__V1__ResetMetersRequest *request = call->request->reset_meters;
    bool is_custom = request->namespace_.len + request->identifier.len > 0;
    return is_custom ? remove_custom(call, request) : reset(call, request);
}
