// Accounts: making and changing, reading, and ending them.
#include "rpc/handler.h"
#include "rpc/wire.h"

static const char missing_account[] = "is missing: name the account";

// --- put_account

// The key that came with a new account.
static bool add_default_key(const struct handler_change *change, Postern__V1__PutAccountReply *out)
{
    const struct registry_result *result = &change->command.result;
    if (!result->has_default_public_key)
        return true;
    out->default_public_key =
        wire_key(change->command.arena, &result->default_public_key, result->account.revoked_before_ms, result->now_ms);
    return out->default_public_key != NULL;
}

static bool answer_put_account(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__PutAccountReply *put = arena_alloc(change->command.arena, sizeof *put);
    if (put == NULL)
        return false;
    postern__v1__put_account_reply__init(put);
    put->account = wire_account(change->command.arena, &change->command.result.account);
    reply->result_case = POSTERN__V1__REPLY__RESULT_PUT_ACCOUNT;
    reply->put_account = put;
    return put->account != NULL && add_default_key(change, put);
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
        return call_fail_member(call, "account", "%s", missing_account);
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

// --- get_account

static enum status find_account(struct call *call, struct slice id, struct registry_account *out)
{
    enum status status = store_view_begin(call->view);
    if (status != STATUS_OK)
        return status;
    return handler_end_view(call, registry_find_account(call->view, id, call->arena, out));
}

enum call_progress handler_get_account(struct call *call)
{
    struct slice id = wire_slice(call->request->get_account->account);
    struct registry_account account;
    if (id.size == 0)
        return call_fail_member(call, "account", "%s", missing_account);
    enum status status = find_account(call, id, &account);
    if (status == STATUS_NOT_FOUND)
        return call_fail(call, status, "get_account.account",
                         "there is no account \"%.*s\": look it up with: postern account list", SLICE_ARGS(id));
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the account cannot be read: %s", status_name(status));
    Postern__V1__GetAccountReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL)
        return call_fail_memory(call);
    postern__v1__get_account_reply__init(reply);
    reply->account = wire_account(call->arena, &account);
    if (reply->account == NULL)
        return call_fail_memory(call);
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_GET_ACCOUNT;
    call->reply.get_account = reply;
    return CALL_DONE;
}

// --- list_accounts

static bool fill_accounts(struct call *call, const struct registry_accounts_page *page,
                          Postern__V1__ListAccountsReply *out)
{
    out->accounts = arena_array(call->arena, page->count, sizeof *out->accounts);
    for (size_t i = 0; out->accounts != NULL && i < page->count; i++) {
        out->accounts[i] = wire_account(call->arena, &page->items[i]);
        if (out->accounts[i] == NULL)
            return false;
    }
    out->n_accounts = page->count;
    return out->accounts != NULL;
}

enum call_progress handler_list_accounts(struct call *call)
{
    const Postern__V1__ListAccountsRequest *request = call->request->list_accounts;
    const Postern__V1__ListAccountsRequest bare = POSTERN__V1__LIST_ACCOUNTS_REQUEST__INIT;
    struct handler_page_ask ask = {&bare.base, request->page_size, request->page_token};
    struct registry_accounts_page found = {0};
    struct handler_page page;
    if (!handler_page_begin(call, &ask, &page))
        return CALL_DONE;
    struct registry_names_query query = {.after = page.position, .page_size = page.size};
    enum status status = store_view_begin(call->view);
    if (status == STATUS_OK)
        status = handler_end_view(call, registry_list_accounts(call->view, &query, call->arena, &found));
    if (status != STATUS_OK)
        return call_fail(call, status, NULL, "the accounts cannot be read: %s", status_name(status));
    Postern__V1__ListAccountsReply *reply = arena_alloc(call->arena, sizeof *reply);
    if (reply == NULL)
        return call_fail_memory(call);
    postern__v1__list_accounts_reply__init(reply);
    if (!fill_accounts(call, &found, reply) ||
        (found.more && !handler_page_next(call, &page, found.last, &reply->next_page_token)))
        return call_fail_memory(call);
    call->reply.result_case = POSTERN__V1__REPLY__RESULT_LIST_ACCOUNTS;
    call->reply.list_accounts = reply;
    return CALL_DONE;
}

// --- revoke_all

static bool answer_revoke_all(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__RevokeAllReply *revoke_all = arena_alloc(change->command.arena, sizeof *revoke_all);
    if (revoke_all == NULL)
        return false;
    postern__v1__revoke_all_reply__init(revoke_all);
    revoke_all->account = wire_account(change->command.arena, &change->command.result.account);
    reply->result_case = POSTERN__V1__REPLY__RESULT_REVOKE_ALL;
    reply->revoke_all = revoke_all;
    return revoke_all->account != NULL;
}

enum call_progress handler_revoke_all(struct call *call)
{
    const Postern__V1__RevokeAllRequest *request = call->request->revoke_all;
    if (request->account.len == 0)
        return call_fail_member(call, "account", "%s", missing_account);
    struct handler_change *change = handler_change_new(call, REGISTRY_REVOKE_ALL);
    if (change == NULL)
        return call_fail_memory(call);
    struct registry_revoke_all *ask = &change->command.ask.revoke_all;
    ask->account = wire_slice(request->account);
    ask->created_before_ms = request->created_before_ms;
    ask->reason = wire_slice(request->reason);
    change->answer = answer_revoke_all;
    return handler_submit(change);
}

// --- delete_account

static bool answer_delete_account(const struct handler_change *change, Postern__V1__Reply *reply)
{
    Postern__V1__DeleteAccountReply *gone = arena_alloc(change->command.arena, sizeof *gone);
    if (gone == NULL)
        return false;
    postern__v1__delete_account_reply__init(gone);
    gone->account = wire_account(change->command.arena, &change->command.result.account);
    reply->result_case = POSTERN__V1__REPLY__RESULT_DELETE_ACCOUNT;
    reply->delete_account = gone;
    return gone->account != NULL;
}

enum call_progress handler_delete_account(struct call *call)
{
    const Postern__V1__DeleteAccountRequest *request = call->request->delete_account;
    if (request->account.len == 0)
        return call_fail_member(call, "account", "%s", missing_account);
    struct handler_change *change = handler_change_new(call, REGISTRY_DELETE_ACCOUNT);
    if (change == NULL)
        return call_fail_memory(call);
    change->command.ask.delete_named.name = wire_slice(request->account);
    change->command.if_version = request->if_version;
    change->answer = answer_delete_account;
    return handler_submit(change);
}
