#include <string.h>

#include "rpc/authority.h"
#include "rpc/codec.h"
#include "rpc/handler.h"
#include "rpc/page.h"
#include "rpc/wire.h"

// Keys of one page: each may take about 9 KiB with its wire form, and a page has to fit request memory and reply.
enum { PAGE_BYTES_MAX = 512 * 1024 };

// --- create

static bool answer_create(const struct handler_change *change, Postern__V1__Reply *reply)
{
    const struct registry_result *result = &change->command.result;
    Postern__V1__CreateReply *create = arena_alloc(change->command.arena, sizeof *create);
    if (create == NULL)
        return false;
    postern__v1__create_reply__init(create);
    create->api_key = wire_text(result->token);
    create->key = wire_key(change->command.arena, &result->key, result->account.revoked_before_ms, result->now_ms);
    reply->result_case = POSTERN__V1__REPLY__RESULT_CREATE;
    reply->create = create;
    return create->key != NULL;
}

static bool read_create(struct call *call, struct registry_create *out)
{
    const Postern__V1__CreateRequest *request = call->request->create;
    out->account = wire_slice(request->account);
    out->name = wire_slice(request->name);
    out->prefix = wire_slice(request->prefix);
    out->environment = request->environment != 0 ? (enum key_environment)request->environment : KEY_ENVIRONMENT_TEST;
    out->type = request->type != 0 ? (enum key_type)request->type : KEY_TYPE_SECRET;
    out->expires_at_ms = request->expires_at_ms;
    out->scope_count = request->n_scopes;
    out->metadata_count = request->n_metadata;
    out->limit_count = request->n_limits;
    out->address_count = request->n_allowed_addresses;
    return wire_read_texts(call->arena, request->scopes, request->n_scopes, &out->scopes) &&
           wire_read_entries(call->arena, request->metadata, request->n_metadata, &out->metadata) &&
           wire_read_texts(call->arena, request->allowed_addresses, request->n_allowed_addresses, &out->addresses);
}

enum call_progress handler_create(struct call *call)
{
    const Postern__V1__CreateRequest *request = call->request->create;
    if (request->account.len == 0)
        return call_fail_member(call, "account", "is missing: name the account that gets the key");
    if (request->name.len == 0)
        return call_fail_member(call, "name", "is missing: say what the key is for");
    if (!authority_covers_account(call, wire_slice(request->account)))
        return call_fail(call, STATUS_NOT_FOUND, "create.account", "no such account");
    struct handler_change *change = handler_change_new(call, REGISTRY_CREATE);
    if (change == NULL || !read_create(call, &change->command.ask.create))
        return call_fail_memory(call);
    struct status_note note = {0};
    enum status status =
        wire_read_limits(call->arena, request->limits, request->n_limits, &change->command.ask.create.limits, &note);
    if (status != STATUS_OK)
        return call_fail_note(call, status, &note);
    change->answer = answer_create;
    return handler_submit(change);
}

// --- revoke

static bool answer_revoke(const struct handler_change *change, Postern__V1__Reply *reply)
{
    const struct registry_result *result = &change->command.result;
    Postern__V1__RevokeReply *revoke = arena_alloc(change->command.arena, sizeof *revoke);
    if (revoke == NULL)
        return false;
    postern__v1__revoke_reply__init(revoke);
    revoke->key = wire_key(change->command.arena, &result->key, result->account.revoked_before_ms, result->now_ms);
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
        return call_fail(call, status, NULL, "%s", call->note.message);
    if (!key_id_parse(wire_slice(request->key_id), ask->key_id))
        return call_fail_member(call, "key_id", "is missing: name the key by its id, or by its token in api_key");
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
    if (status == STATUS_OK)
        status = registry_seq(call->view, &call->reply.seq);
    store_view_end(call->view);
    if (status == STATUS_OK && (key->deleted || !authority_covers_account(call, key->account)))
        return STATUS_NOT_FOUND;
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
        return call_fail(call, status, "get.key_id", "no such key");
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the key cannot be read: %s", status_name(status));
    Postern__V1__GetReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL)
        return call_fail_memory(call);
    postern__v1__get_reply__init(reply);
    reply->key = wire_key(call->arena, &key, account.revoked_before_ms, clock_now_ms(call->server->clock));
    if (reply->key == NULL)
        return call_fail_memory(call);
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_GET;
    call->reply.get = reply;
    return CALL_DONE;
}

// --- list

static bool bind_page(struct call *call, struct page_binding *binding)
{
    Postern__V1__ListRequest query = *call->request->list;
    query.page_size = 0;
    query.page_token = (ProtobufCBinaryData){0};
    binding->caller = slice_text(call->caller.name);
    return codec_pack(&query.base, call->arena, &binding->query);
}

static enum status find_page(struct call *call, const struct registry_list *query, struct registry_page *page)
{
    enum status status = store_view_begin(call->view);
    if (status != STATUS_OK)
        return status;
    status = registry_list_keys(call->view, query, call->arena, page);
    if (status == STATUS_OK)
        status = registry_seq(call->view, &call->reply.seq);
    store_view_end(call->view);
    return status;
}

static bool fill_keys(struct call *call, const struct registry_page *page, uint64_t now_ms, Postern__V1__ListReply *out)
{
    out->keys = arena_array(call->arena, page->count, sizeof *out->keys);
    for (size_t i = 0; out->keys != NULL && i < page->count; i++) {
        out->keys[i] = wire_key(call->arena, &page->keys[i], page->account_revoked_before_ms[i], now_ms);
        if (out->keys[i] == NULL)
            return false;
    }
    out->n_keys = page->count;
    return out->keys != NULL;
}

static bool fill_next(struct call *call, const struct page_binding *binding, const struct registry_page *page,
                      Postern__V1__ListReply *out)
{
    if (!page->more)
        return true;
    uint8_t *token = arena_alloc(call->arena, PAGE_TOKEN_SIZE);
    if (token == NULL || page_token_format(call->server->secret, binding, page->last, token) != STATUS_OK)
        return false;
    out->next_page_token = wire_text(slice_make(token, PAGE_TOKEN_SIZE));
    return true;
}

static enum call_progress list_page(struct call *call, const struct registry_list *query,
                                    const struct page_binding *binding)
{
    struct registry_page page = {0};
    enum status status = find_page(call, query, &page);
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the keys cannot be read: %s", status_name(status));
    Postern__V1__ListReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL)
        return call_fail_memory(call);
    postern__v1__list_reply__init(reply);
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_LIST;
    call->reply.list = reply;
    if (!fill_keys(call, &page, query->now_ms, reply) || !fill_next(call, binding, &page, reply))
        return call_fail_memory(call);
    return CALL_DONE;
}

enum call_progress handler_list(struct call *call)
{
    const Postern__V1__ListRequest *request = call->request->list;
    if (request->never_used)
        return call_fail(call, STATUS_UNIMPLEMENTED, "list.never_used", "this server does not offer this filter");
    if (request->last_rolled_before_ms != 0)
        return call_fail(call, STATUS_UNIMPLEMENTED, "list.last_rolled_before_ms",
                         "this server does not offer this filter");
    struct registry_list query = {
        .account = wire_slice(request->account),
        .page_size = request->page_size != 0 ? request->page_size : REGISTRY_PAGE_DEFAULT,
        .page_bytes_max = PAGE_BYTES_MAX,
        .state = (enum key_state)request->state,
        .environment = (enum key_environment)request->environment,
        .created_before_ms = request->created_before_ms,
        .expires_before_ms = request->expires_before_ms,
        .now_ms = clock_now_ms(call->server->clock),
    };
    if (query.account.size == 0)
        query.account = call->caller.account; // empty for operators: all accounts
    if (!authority_covers_account(call, query.account))
        return call_fail(call, STATUS_NOT_FOUND, "list.account", "no such account");
    struct page_binding binding;
    if (!bind_page(call, &binding))
        return call_fail_memory(call);
    if (request->page_token.len > 0) {
        query.after_set = true;
        if (!page_token_parse(call->server->secret, &binding, wire_slice(request->page_token), query.after))
            return call_fail_member(call, "page_token", "is not from an earlier page of this query and caller");
    }
    return list_page(call, &query, &binding);
}
