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
        return call_fail_with(call, status, &failure);
    change->answer = handler_answer_key;
    return handler_submit(change);
}

// --- get

// The key with its account's moment of RevokeAll, from one snapshot. A key that the caller may not know of is not
// there.
static enum status find_key(struct call *call, const uint8_t id[KEY_ID_SIZE], struct registry_key *key,
                            struct registry_account *account)
{
    enum status status = store_view_begin(call->view);
    if (status != STATUS_OK)
        return status;
    status = registry_find_key(call->view, id, call->arena, key);
    if (status == STATUS_OK)
        status = registry_find_owner(call->view, key->account, call->arena, account);
    status = handler_end_view(call, status);
    if (status == STATUS_OK && (key->deleted || !authority_covers_key(call, key)))
        return STATUS_NOT_FOUND;
    return status;
}

static enum status fill_use(struct call *call, const struct registry_key *key, Postern__V1__Key *out)
{
    struct authorizer_usage usage;
    enum status status = authorizer_usage_begin(call->server->authorizer, &usage);
    if (status != STATUS_OK)
        return status;
    status = handler_fill_use(call, &usage, key->id, out, NULL);
    authorizer_usage_end(call->server->authorizer, &usage);
    return status;
}

enum call_progress handler_get(struct call *call)
{
    uint8_t id[KEY_ID_SIZE];
    struct registry_key key;
    struct registry_account account;
    if (!key_id_parse(wire_slice(call->request->get->key_id), id))
        return call_fail_member(call, "key_id", "is missing: \"key_\" and 15 letters or digits");
    enum status status = find_key(call, id, &key, &account);
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
