#include "rpc/authority.h"
#include "rpc/handler.h"
#include "rpc/wire.h"

// --- create

static bool answer_create(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__CreateReply *create = arena_alloc(change->command.arena, sizeof *create);
    if (create == NULL)
        return false;
    postern__v1__create_reply__init(create);
    create->api_key = wire_text(change->command.result.token);
    create->key = handler_changed_key(change);
    reply->result_case = POSTERN__V1__REPLY__RESULT_CREATE;
    reply->create = create;
    return create->key != NULL;
}

static bool read_lists(struct call *call, const Postern__V1__CreateRequest *request, struct registry_create *out)
{
    out->scope_count = request->n_scopes;
    out->metadata_count = request->n_metadata;
    out->limit_count = request->n_limits;
    out->address_count = request->n_allowed_addresses;
    return wire_read_texts(call->arena, request->scopes, request->n_scopes, &out->scopes) &&
           wire_read_entries(call->arena, request->metadata, request->n_metadata, &out->metadata) &&
           wire_read_texts(call->arena, request->allowed_addresses, request->n_allowed_addresses, &out->addresses);
}

enum status handler_read_create(struct call *call, const Postern__V1__CreateRequest *request,
                                struct registry_create *out, struct status_note *note)
{
    if (request->account.len == 0)
        return status_fail(note, STATUS_INVALID_ARGUMENT, "account",
                           "the account is missing: name the one that gets the key");
    if (request->name.len == 0)
        return status_fail(note, STATUS_INVALID_ARGUMENT, "name", "the name is missing: say what the key is for");
    out->account = wire_slice(request->account);
    out->name = wire_slice(request->name);
    out->prefix = wire_slice(request->prefix);
    out->environment = request->environment != 0 ? (enum key_environment)request->environment : KEY_ENVIRONMENT_TEST;
    out->type = request->type != 0 ? (enum key_type)request->type : KEY_TYPE_SECRET;
    out->expires_at_ms = request->expires_at_ms;
    if (!read_lists(call, request, out))
        return status_fail(note, STATUS_RESOURCE_EXHAUSTED, NULL, "the call does not fit a request's memory");
    return wire_read_limits(call->arena, request->limits, request->n_limits, &out->limits, note);
}

enum call_progress handler_create(struct call *call)
{
    const Postern__V1__CreateRequest *request = call->request->create;
    struct status_note note = {0};
    struct handler_change *change = handler_change_new(call, REGISTRY_CREATE);
    if (change == NULL)
        return call_fail_memory(call);
    enum status status = handler_read_create(call, request, &change->command.ask.create, &note);
    if (status != STATUS_OK)
        return call_fail_note(call, status, &note);
    change->answer = answer_create;
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
    if (status == STATUS_OK && (key->deleted || !authority_covers_account(call, key->account)))
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
    Postern__V1__GetReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL)
        return call_fail_memory(call);
    postern__v1__get_reply__init(reply);
    reply->key = wire_key(call->arena, &key, account.revoked_before_ms, clock_now_ms(call->server->clock));
    if (reply->key == NULL)
        return call_fail_memory(call);
    status = fill_use(call, &key, reply->key);
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the key's last use cannot be read: %s", status_name(status));
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_GET;
    call->reply.get = reply;
    return CALL_DONE;
}
