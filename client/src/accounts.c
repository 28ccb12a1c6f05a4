// PutAccount, GetAccount, ListAccounts, RevokeAll, DeleteAccount.
#include "call.h"
#include "wire.h"

static const enum postern_environment *environments_of(struct postern_arena *arena,
                                                       const Postern__V1__Environment *wire, size_t count)
{
    enum postern_environment *environments = postern_arena_array(arena, count, sizeof *environments);
    for (size_t i = 0; environments != NULL && i < count; i++)
        environments[i] = (enum postern_environment)wire[i];
    return environments;
}

static void account_of(struct postern_arena *arena, const Postern__V1__Account *wire, struct postern_account *account)
{
    const Postern__V1__Account none = POSTERN__V1__ACCOUNT__INIT;
    if (wire == NULL)
        wire = &none;
    *account = (struct postern_account){
        .account = postern_text_of(wire->account),
        .display_name = postern_text_of(wire->display_name),
        .tier = postern_text_of(wire->tier),
        .environments = environments_of(arena, wire->environments, wire->n_environments),
        .environment_count = wire->n_environments,
        .suspended = wire->suspended != 0,
        .limits = postern_limits_of(arena, wire->limits, wire->n_limits),
        .limit_count = wire->n_limits,
        .max_keys = wire->max_keys,
        .no_default_public_key = wire->no_default_public_key != 0,
        .metadata = postern_entries_of(arena, wire->metadata, wire->n_metadata),
        .metadata_count = wire->n_metadata,
        .created_at_ms = wire->created_at_ms,
        .version = wire->version,
        .revoked_before_ms = wire->revoked_before_ms,
    };
}

// -------------------------------------------------------------------------------------------------- PutAccount

static Postern__V1__Environment *environments_to_wire(struct postern_arena *arena,
                                                      const enum postern_environment *environments, size_t count)
{
    Postern__V1__Environment *wire = postern_arena_array(arena, count, sizeof *wire);
    for (size_t i = 0; wire != NULL && i < count; i++)
        wire[i] = (Postern__V1__Environment)environments[i];
    return wire;
}

static void put_account_to_wire(struct postern_ask *ask, const struct postern_put_account_request *request,
                                Postern__V1__PutAccountRequest *wire)
{
    struct postern_arena *arena = &ask->arena;
    postern__v1__put_account_request__init(wire);
    wire->account = postern_wire_text(request->account);
    wire->display_name = postern_wire_text(request->display_name);
    wire->tier = postern_wire_text(request->tier);
    wire->environments = environments_to_wire(arena, request->environments, request->environment_count);
    wire->n_environments = request->environment_count;
    wire->suspended = request->suspended;
    wire->limits = postern_wire_limits(arena, request->limits, request->limit_count);
    wire->n_limits = request->limit_count;
    wire->max_keys = request->max_keys;
    wire->no_default_public_key = request->no_default_public_key;
    wire->metadata = postern_wire_entries(arena, request->metadata, request->metadata_count);
    wire->n_metadata = request->metadata_count;
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_PUT_ACCOUNT;
    ask->request.put_account = wire;
}

static void *put_account_of(struct postern_reply_box *box)
{
    const Postern__V1__PutAccountReply *wire = (const Postern__V1__PutAccountReply *)box->result;
    struct postern_put_account_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    account_of(&box->arena, wire->account, &reply->account);
    if (wire->default_public_key == NULL)
        return reply;
    struct postern_key *key = postern_arena_take(&box->arena, sizeof *key);
    if (key != NULL)
        postern_key_of(&box->arena, wire->default_public_key, key);
    reply->default_public_key = key;
    return reply;
}

enum postern_status postern_put_account(struct postern *client, const struct postern_put_account_request *request,
                                        struct postern_put_account_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__PutAccountRequest wire;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    put_account_to_wire(&ask, request, &wire);
    status = postern_ask_answer(client, &ask, put_account_of, &made, error);
    *reply = made;
    return status;
}

// -------------------------------------------------------------------------------------------------- GetAccount

static void *get_account_of(struct postern_reply_box *box)
{
    const Postern__V1__GetAccountReply *wire = (const Postern__V1__GetAccountReply *)box->result;
    struct postern_get_account_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        account_of(&box->arena, wire->account, &reply->account);
    return reply;
}

enum postern_status postern_get_account(struct postern *client, const struct postern_get_account_request *request,
                                        struct postern_get_account_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__GetAccountRequest wire = POSTERN__V1__GET_ACCOUNT_REQUEST__INIT;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.account = postern_wire_text(request->account);
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_GET_ACCOUNT;
    ask.request.get_account = &wire;
    status = postern_ask_answer(client, &ask, get_account_of, &made, error);
    *reply = made;
    return status;
}

// ------------------------------------------------------------------------------------------------ ListAccounts

static void *list_accounts_of(struct postern_reply_box *box)
{
    const Postern__V1__ListAccountsReply *wire = (const Postern__V1__ListAccountsReply *)box->result;
    struct postern_list_accounts_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply == NULL)
        return NULL;
    struct postern_account *accounts = postern_arena_array(&box->arena, wire->n_accounts, sizeof *accounts);
    for (size_t i = 0; accounts != NULL && i < wire->n_accounts; i++)
        account_of(&box->arena, wire->accounts[i], &accounts[i]);
    reply->accounts = accounts;
    reply->account_count = wire->n_accounts;
    reply->next_page_token = wire->next_page_token.data;
    reply->next_page_token_size = wire->next_page_token.len;
    return reply;
}

enum postern_status postern_list_accounts(struct postern *client, const struct postern_list_accounts_request *request,
                                          struct postern_list_accounts_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__ListAccountsRequest wire = POSTERN__V1__LIST_ACCOUNTS_REQUEST__INIT;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.page_size = request->page_size;
    wire.page_token = postern_wire_bytes(request->page_token, request->page_token_size);
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_LIST_ACCOUNTS;
    ask.request.list_accounts = &wire;
    status = postern_ask_answer(client, &ask, list_accounts_of, &made, error);
    *reply = made;
    return status;
}

// --------------------------------------------------------------------------------------------------- RevokeAll

static void *revoke_all_of(struct postern_reply_box *box)
{
    const Postern__V1__RevokeAllReply *wire = (const Postern__V1__RevokeAllReply *)box->result;
    struct postern_revoke_all_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        account_of(&box->arena, wire->account, &reply->account);
    return reply;
}

enum postern_status postern_revoke_all(struct postern *client, const struct postern_revoke_all_request *request,
                                       struct postern_revoke_all_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__RevokeAllRequest wire = POSTERN__V1__REVOKE_ALL_REQUEST__INIT;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.account = postern_wire_text(request->account);
    wire.created_before_ms = request->created_before_ms;
    wire.reason = postern_wire_text(request->reason);
    ask.changes_registry = true;
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_REVOKE_ALL;
    ask.request.revoke_all = &wire;
    status = postern_ask_answer(client, &ask, revoke_all_of, &made, error);
    *reply = made;
    return status;
}

// ----------------------------------------------------------------------------------------------- DeleteAccount

static void *delete_account_of(struct postern_reply_box *box)
{
    const Postern__V1__DeleteAccountReply *wire = (const Postern__V1__DeleteAccountReply *)box->result;
    struct postern_delete_account_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        account_of(&box->arena, wire->account, &reply->account);
    return reply;
}

enum postern_status postern_delete_account(struct postern *client, const struct postern_delete_account_request *request,
                                           struct postern_delete_account_reply **reply, struct postern_error *error)
{
    struct postern_ask ask;
    Postern__V1__DeleteAccountRequest wire = POSTERN__V1__DELETE_ACCOUNT_REQUEST__INIT;
    void *made = NULL;
    *reply = NULL;
    enum postern_status status = postern_ask_init(client, &request->call, &ask, error);
    if (status != POSTERN_OK)
        return status;
    wire.account = postern_wire_text(request->account);
    wire.if_version = request->if_version;
    ask.changes_registry = true;
    ask.request.call_case = POSTERN__V1__REQUEST__CALL_DELETE_ACCOUNT;
    ask.request.delete_account = &wire;
    status = postern_ask_answer(client, &ask, delete_account_of, &made, error);
    *reply = made;
    return status;
}
