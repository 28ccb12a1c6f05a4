// Answers the calls that make and show one key: Create and Get.
#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

// --- create

enum status handler_read_create(struct call *call, const Postern__V1__CreateRequest *request, struct registry_key *out,
                                struct status_failure *failure)
{
    if (request->account.len == 0)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "account",
                           "the account is missing: name the one that gets the key");
    if (request->name.len == 0)
        return status_fail(failure, STATUS_INVALID_ARGUMENT, "name", "the name is missing: say what the key is for");
    enum status status = wire_read_record(call->arena, REGISTRY_KEY, &request->base, out, failure);
    out->environment = request->environment != 0 ? out->environment : KEY_ENVIRONMENT_TEST;
    out->type = request->type != 0 ? out->type : KEY_TYPE_SECRET;
    return status;
}

enum call_progress handler_create(struct call *call)
{
    const Postern__V1__CreateRequest *request = call->request->create;
    struct status_failure failure = {0};
    struct handler_change *change = handler_change_new(call, REGISTRY_CREATE);
    if (change == NULL)
        return call_fail_memory(call);
    enum status status = handler_read_create(call, request, &change->command.ask.create, &failure);
    if (status != STATUS_OK)
        return call_fail_failure(call, status, &failure);
    change->answer = handler_answer_key;
    return handler_submit(change);
}

// --- get

static enum status find_by_token(struct call *call, struct slice token, struct registry_key *key)
{
    struct registry_presented *found = arena_alloc(call->arena, sizeof *found);
    if (found == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    enum status status = registry_find_presented(call->server->registry, call->view, token, call->arena, found);
    if (status == STATUS_OK && !found->known)
        return STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        *key = found->key;
    return status;
}

// The key with its account's moment of RevokeAll, from one snapshot. A key that the caller may not know of is not
// there.
static enum status find_key(struct call *call, struct registry_key *key, struct registry_account *account)
{
    const Postern__V1__GetRequest *request = call->request->get;
    uint8_t id[KEY_ID_SIZE];
    enum status status = store_view_begin(call->view);
    if (status != STATUS_OK)
        return status;
    if (request->api_key.len > 0)
        status = find_by_token(call, wire_slice(request->api_key), key);
    else
        status = key_id_parse(wire_slice(request->key_id), id) ? registry_find_key(call->view, id, call->arena, key)
                                                               : STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = registry_find_any_account(call->view, key->account, call->arena, account);
    status = handler_end_view(call, status);
    if (status == STATUS_OK && (key->deleted || !authority_covers_key(call, key)))
        return STATUS_NOT_FOUND;
    return status;
}

static enum status fill_use(struct call *call, const struct registry_key *key, Postern__V1__Key *out)
{
    struct usage_view usage;
    enum status status = usage_view_begin(call->server->usage, &usage);
    if (status != STATUS_OK)
        return status;
    status = handler_fill_use(call, &usage, key->id, out, NULL);
    usage_view_end(&usage);
    return status;
}

enum call_progress handler_get(struct call *call)
{
    const Postern__V1__GetRequest *request = call->request->get;
    bool by_token = request->api_key.len > 0;
    struct registry_key key;
    struct registry_account account;
    if (by_token == (request->key_id.len > 0))
        return call_fail_member(call, "key_id", "or api_key is needed, and not both");
    enum status status = find_key(call, &key, &account);
    const char *hint = by_token ? key_token_hint(wire_slice(request->api_key)) : NULL;
    if (status == STATUS_NOT_FOUND && hint != NULL)
        return call_fail(call, status, "get.api_key", "this %s and is no token: give the token alone", hint);
    if (status == STATUS_NOT_FOUND && by_token)
        return call_fail(call, status, "get.api_key",
                         "this is the token of no key here, or of a deleted one: check that it was copied whole");
    if (status == STATUS_NOT_FOUND)
        return call_fail(call, status, "get.key_id", "no such key: look it up with: postern list");
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the key cannot be read: %s", status_name(status));
    Postern__V1__GetReply *reply = call_result_new(call, call->arena, &call->reply);
    if (reply == NULL)
        return call_fail_memory(call);
    reply->key = wire_key(call->arena, &key, account.revoked_before_ms, clock_now_ms(call->server->clock));
    if (reply->key == NULL)
        return call_fail_memory(call);
    status = fill_use(call, &key, reply->key);
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the key's last use cannot be read: %s", status_name(status));
    return CALL_DONE;
}
