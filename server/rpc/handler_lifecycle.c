// Update, Roll, Revoke, Delete: what happens to a key after it was made.
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

#include <stdio.h>

static const char missing_key_id[] = "is missing: \"key_\" and 15 letters or digits";

// --- update

static bool answer_update(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__UpdateReply *update = arena_alloc(change->command.arena, sizeof *update);
    if (update == NULL)
        return false;
    postern__v1__update_reply__init(update);
    update->key = handler_changed_key(change);
    reply->result_case = POSTERN__V1__REPLY__RESULT_UPDATE;
    reply->update = update;
    return update->key != NULL;
}

static unsigned field_of(struct slice name)
{
    static const struct {
        const char *name;
        enum registry_update_field field;
    } fields[] = {
        {"name", REGISTRY_UPDATE_NAME},
        {"scopes", REGISTRY_UPDATE_SCOPES},
        {"metadata", REGISTRY_UPDATE_METADATA},
        {"expires_at_ms", REGISTRY_UPDATE_EXPIRES_AT},
        {"allowed_addresses", REGISTRY_UPDATE_ADDRESSES},
        {"limits", REGISTRY_UPDATE_LIMITS},
        {"enabled", REGISTRY_UPDATE_ENABLED},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (slice_equal(name, slice_text(fields[i].name)))
            return (unsigned)fields[i].field;
    return 0;
}

// False: the call has failed.
static bool read_mask(struct call *call, unsigned *fields)
{
    const Postern__V1__UpdateRequest *request = call->request->update;
    char member[48];
    for (size_t i = 0; i < request->n_update_mask; i++) {
        unsigned field = field_of(wire_slice(request->update_mask[i]));
        *fields |= field;
        if (field != 0)
            continue;
        (void)snprintf(member, sizeof member, "update_mask[%zu]", i);
        call_fail_member(call, member,
                         "is none of name, scopes, metadata, expires_at_ms, allowed_addresses, limits, enabled");
        return false;
    }
    if (*fields == 0)
        call_fail_member(call, "update_mask", "is empty: name the fields that are to be set");
    else if ((*fields & REGISTRY_UPDATE_NAME) != 0 && request->name.len == 0)
        call_fail_member(call, "name", "is missing, and update_mask names it: say what the key is for");
    else
        return true;
    return false;
}

static bool read_update(struct call *call, struct registry_update *out)
{
    const Postern__V1__UpdateRequest *request = call->request->update;
    out->name = wire_slice(request->name);
    out->expires_at_ms = request->expires_at_ms;
    out->enabled = request->enabled;
    out->scope_count = request->n_scopes;
    out->metadata_count = request->n_metadata;
    out->limit_count = request->n_limits;
    out->address_count = request->n_allowed_addresses;
    return wire_read_texts(call->arena, request->scopes, request->n_scopes, &out->scopes) &&
           wire_read_entries(call->arena, request->metadata, request->n_metadata, &out->metadata) &&
           wire_read_texts(call->arena, request->allowed_addresses, request->n_allowed_addresses, &out->addresses);
}

enum call_progress handler_update(struct call *call)
{
    const Postern__V1__UpdateRequest *request = call->request->update;
    struct status_note note = {0};
    struct handler_change *change = handler_change_new(call, REGISTRY_UPDATE);
    if (change == NULL || !read_update(call, &change->command.ask.update))
        return call_fail_memory(call);
    struct registry_update *ask = &change->command.ask.update;
    if (!key_id_parse(wire_slice(request->key_id), ask->key_id))
        return call_fail_member(call, "key_id", "%s", missing_key_id);
    if (!read_mask(call, &ask->fields))
        return CALL_DONE;
    enum status status = wire_read_limits(call->arena, request->limits, request->n_limits, &ask->limits, &note);
    if (status != STATUS_OK)
        return call_fail_note(call, status, &note);
    change->command.if_version = request->if_version;
    change->answer = answer_update;
    return handler_submit(change);
}

// --- roll

static bool answer_roll(const struct handler_change *change, Postern__V1__Reply *reply)
{
    const struct registry_result *result = &change->command.result;
    Postern__V1__RollReply *roll = arena_alloc(change->command.arena, sizeof *roll);
    if (roll == NULL)
        return false;
    postern__v1__roll_reply__init(roll);
    roll->api_key = wire_text(result->token);
    roll->key = handler_changed_key(change);
    roll->predecessor =
        wire_key(change->command.arena, &result->predecessor, result->account.revoked_before_ms, result->now_ms);
    reply->result_case = POSTERN__V1__REPLY__RESULT_ROLL;
    reply->roll = roll;
    return roll->key != NULL && roll->predecessor != NULL;
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
    change->command.if_version = request->if_version;
    change->answer = answer_roll;
    return handler_submit(change);
}

// --- revoke

static bool answer_revoke(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__RevokeReply *revoke = arena_alloc(change->command.arena, sizeof *revoke);
    if (revoke == NULL)
        return false;
    postern__v1__revoke_reply__init(revoke);
    revoke->key = handler_changed_key(change);
    reply->result_case = POSTERN__V1__REPLY__RESULT_REVOKE;
    reply->revoke = revoke;
    return revoke->key != NULL;
}

enum call_progress handler_revoke(struct call *call)
{
    const Postern__V1__RevokeRequest *request = call->request->revoke;
    struct handler_change *change = handler_change_new(call, REGISTRY_REVOKE);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_revoke *ask = &change->command.ask.revoke;
    ask->reason = wire_slice(request->reason);
    change->command.if_version = request->if_version;
    change->answer = answer_revoke;
    if (request->which_case == POSTERN__V1__REVOKE_REQUEST__WHICH_API_KEY) {
        ask->by_token = true;
        ask->token = wire_slice(request->api_key);
        if (ask->token.size == 0)
            return call_fail_member(call, "api_key", "is empty");
        return handler_submit(change);
    }
    enum status status = authority_require(call, AUTHORITY_ADMIN | AUTHORITY_OPERATOR);
    if (status != STATUS_OK)
        return call_fail_noted(call, status);
    if (!key_id_parse(wire_slice(request->key_id), ask->key_id))
        return call_fail_member(call, "key_id", "is missing: name the key by its id, or by its token in api_key");
    return handler_submit(change);
}

// --- delete

static bool answer_delete(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__DeleteReply *gone = arena_alloc(change->command.arena, sizeof *gone);
    if (gone == NULL)
        return false;
    postern__v1__delete_reply__init(gone);
    gone->key = handler_changed_key(change);
    reply->result_case = POSTERN__V1__REPLY__RESULT_DELETE;
    reply->delete_ = gone;
    return gone->key != NULL;
}

enum call_progress handler_delete(struct call *call)
{
    const Postern__V1__DeleteRequest *request = call->request->delete_;
    struct handler_change *change = handler_change_new(call, REGISTRY_DELETE);
    if (change == NULL)
        return call_fail_memory(call);
    if (!key_id_parse(wire_slice(request->key_id), change->command.ask.delete.key_id))
        return call_fail_member(call, "key_id", "%s", missing_key_id);
    change->command.if_version = request->if_version;
    change->answer = answer_delete;
    return handler_submit(change);
}
