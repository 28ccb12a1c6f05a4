// Answers ResetMeters: a change like any other, of an account or of one of its keys.
#include "rpc/handler.h"
#include "rpc/wire.h"

static bool answer(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__ResetMetersReply *out = call_result_new(change->call, change->command.arena, reply);
    if (out == NULL)
        return false;
    out->account = wire_text(change->command.result.account.id);
    return true;
}

enum call_progress handler_reset_meters(struct call *call)
{
    const Postern__V1__ResetMetersRequest *request = call->request->reset_meters;
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
