// Update, Roll, Revoke, Delete: what happens to a key after it was made.
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

#include <stdio.h>

static const char missing_key_id[] = "is missing: \"key_\" and 15 letters or digits";

// --- update

// False: the call has failed.
static bool read_mask(struct call *call, struct registry_command *command)
{
    const Postern__V1__UpdateRequest *request = call->request->update;
    struct slice *names;
    if (!wire_read_texts(call->arena, request->update_mask, request->n_update_mask, &names)) {
        call_fail_memory(call);
        return false;
    }
    command->mask = names;
    command->mask_count = request->n_update_mask;
    for (size_t i = 0; i < command->mask_count && request->name.len == 0; i++)
        if (slice_equal(names[i], slice_text("name"))) {
            call_fail_member(call, "name", "is missing, and update_mask names it: say what the key is for");
            return false;
        }
    return true;
}

enum call_progress handler_update(struct call *call)
{
    const Postern__V1__UpdateRequest *request = call->request->update;
    struct status_failure failure = {0};
    struct handler_change *change = handler_change_new(call, REGISTRY_UPDATE);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_update *ask = &change->command.ask.update;
    if (!key_id_parse(wire_slice(request->key_id), ask->key_id))
        return call_fail_member(call, "key_id", "%s", missing_key_id);
    if (!read_mask(call, &change->command))
        return CALL_DONE;
    enum status status = wire_read_record(call->arena, REGISTRY_KEY, &request->base, &ask->key, &failure);
    if (status != STATUS_OK)
        return call_fail_failure(call, status, &failure);
    change->answer = handler_answer_key;
    return handler_submit(change);
}

// --- roll

static bool answer_roll(const struct handler_change *change, Postern__V1__Reply *reply)
{
    const struct registry_result *result = &change->command.result;
    if (!handler_answer_key(change, reply))
        return false;
    reply->roll->predecessor =
        wire_key(change->command.arena, &result->predecessor, result->account.revoked_before_ms, result->now_ms);
    return reply->roll->predecessor != NULL;
}

enum call_progress handler_roll(struct call *call)
{
    const Postern__V1__RollRequest *request = call->request->roll;
    struct handler_change *change = handler_change_new(call, REGISTRY_ROLL);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_roll *ask = &change->command.ask.roll;
    if (!key_id_parse(wire_slice(request->key_id), ask->key_id))
        return call_fail_member(call, "key_id", "%s", missing_key_id);
    ask->has_grace = request->grace_case == POSTERN__V1__ROLL_REQUEST__GRACE_GRACE_MS;
    ask->grace_ms = ask->has_grace ? request->grace_ms : 0;
    ask->has_expiry = request->expiry_case == POSTERN__V1__ROLL_REQUEST__EXPIRY_EXPIRES_AT_MS;
    ask->expires_at_ms = ask->has_expiry ? request->expires_at_ms : 0;
    change->answer = answer_roll;
    return handler_submit(change);
}

// --- revoke

enum call_progress handler_revoke(struct call *call)
{
    const Postern__V1__RevokeRequest *request = call->request->revoke;
    struct handler_change *change = handler_change_new(call, REGISTRY_REVOKE);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_revoke *ask = &change->command.ask.revoke;
    ask->reason = wire_slice(request->reason);
    change->answer = handler_answer_key;
    if (request->which_case == POSTERN__V1__REVOKE_REQUEST__WHICH_API_KEY) {
        ask->by_token = true;
        ask->token = wire_slice(request->api_key);
        if (ask->token.size == 0)
            return call_fail_member(call, "api_key", "is empty");
        return handler_submit(change);
    }
    enum status status = authority_require(call, AUTHORITY_ADMIN | AUTHORITY_OPERATOR);
    if (status != STATUS_OK)
        return call_fail_status(call, status);
    if (!key_id_parse(wire_slice(request->key_id), ask->key_id))
        return call_fail_member(call, "key_id", "is missing: name the key by its id, or by its token in api_key");
    return handler_submit(change);
}

// --- delete

enum call_progress handler_delete(struct call *call)
{
    const Postern__V1__DeleteRequest *request = call->request->delete_;
    struct handler_change *change = handler_change_new(call, REGISTRY_DELETE);
    if (change == NULL)
        return call_fail_memory(call);
    if (!key_id_parse(wire_slice(request->key_id), change->command.ask.delete.key_id))
        return call_fail_member(call, "key_id", "%s", missing_key_id);
    change->answer = handler_answer_key;
    return handler_submit(change);
}
