// PutAccount, GetAccount, ListAccounts, RevokeAll, DeleteAccount.
#include "call.h"
#include "error.h"
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

static enum postern_status put_account_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_put_account_request *request = from;
    Postern__V1__PutAccountRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__put_account_request__init(wire);
    struct postern_arena *arena = &ask->arena;
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
    return POSTERN_OK;
}

static void *put_account_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
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

static void deliver_put_account(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_put_account_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method put_account_method = {put_account_to_wire, put_account_of, deliver_put_account};

enum postern_status postern_put_account(struct postern *client, const struct postern_put_account_request *request,
                                        struct postern_put_account_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &put_account_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_put_account_start(struct postern *client, const struct postern_put_account_request *request,
                                              void (*done)(void *context, struct postern_put_account_reply *reply,
                                                           const struct postern_error *error),
                                              void *context, struct postern_error *error)
{
    return postern_start(client, &put_account_method, request, (postern_done *)done, context, error);
}

// -------------------------------------------------------------------------------------------------- GetAccount

static void *get_account_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__GetAccountReply *wire = (const Postern__V1__GetAccountReply *)box->result;
    struct postern_get_account_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        account_of(&box->arena, wire->account, &reply->account);
    return reply;
}

static enum postern_status get_account_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_get_account_request *request = from;
    Postern__V1__GetAccountRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__get_account_request__init(wire);
    wire->account = postern_wire_text(request->account);
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_GET_ACCOUNT;
    ask->request.get_account = wire;
    return POSTERN_OK;
}

static void deliver_get_account(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_get_account_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method get_account_method = {get_account_to_wire, get_account_of, deliver_get_account};

enum postern_status postern_get_account(struct postern *client, const struct postern_get_account_request *request,
                                        struct postern_get_account_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &get_account_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_get_account_start(struct postern *client, const struct postern_get_account_request *request,
                                              void (*done)(void *context, struct postern_get_account_reply *reply,
                                                           const struct postern_error *error),
                                              void *context, struct postern_error *error)
{
    return postern_start(client, &get_account_method, request, (postern_done *)done, context, error);
}

// ------------------------------------------------------------------------------------------------ ListAccounts

static void *list_accounts_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
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

static enum postern_status list_accounts_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_list_accounts_request *request = from;
    Postern__V1__ListAccountsRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__list_accounts_request__init(wire);
    wire->page_size = request->page_size;
    wire->page_token = postern_wire_bytes(request->page_token, request->page_token_size);
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_LIST_ACCOUNTS;
    ask->request.list_accounts = wire;
    return POSTERN_OK;
}

static void deliver_list_accounts(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_list_accounts_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method list_accounts_method = {list_accounts_to_wire, list_accounts_of,
                                                           deliver_list_accounts};

enum postern_status postern_list_accounts(struct postern *client, const struct postern_list_accounts_request *request,
                                          struct postern_list_accounts_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &list_accounts_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_list_accounts_start(struct postern *client,
                                                const struct postern_list_accounts_request *request,
                                                void (*done)(void *context, struct postern_list_accounts_reply *reply,
                                                             const struct postern_error *error),
                                                void *context, struct postern_error *error)
{
    return postern_start(client, &list_accounts_method, request, (postern_done *)done, context, error);
}

// --------------------------------------------------------------------------------------------------- RevokeAll

static void *revoke_all_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__RevokeAllReply *wire = (const Postern__V1__RevokeAllReply *)box->result;
    struct postern_revoke_all_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        account_of(&box->arena, wire->account, &reply->account);
    return reply;
}

static enum postern_status revoke_all_to_wire(struct postern_ask *ask, const void *from, struct postern_error *error)
{
    const struct postern_revoke_all_request *request = from;
    Postern__V1__RevokeAllRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__revoke_all_request__init(wire);
    wire->account = postern_wire_text(request->account);
    wire->created_before_ms = request->created_before_ms;
    wire->reason = postern_wire_text(request->reason);
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_REVOKE_ALL;
    ask->request.revoke_all = wire;
    return POSTERN_OK;
}

static void deliver_revoke_all(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_revoke_all_reply *, const struct postern_error *))done)(context, reply, error);
}

static const struct postern_method revoke_all_method = {revoke_all_to_wire, revoke_all_of, deliver_revoke_all};

enum postern_status postern_revoke_all(struct postern *client, const struct postern_revoke_all_request *request,
                                       struct postern_revoke_all_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &revoke_all_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_revoke_all_start(struct postern *client, const struct postern_revoke_all_request *request,
                                             void (*done)(void *context, struct postern_revoke_all_reply *reply,
                                                          const struct postern_error *error),
                                             void *context, struct postern_error *error)
{
    return postern_start(client, &revoke_all_method, request, (postern_done *)done, context, error);
}

// ----------------------------------------------------------------------------------------------- DeleteAccount

static void *delete_account_of(const struct postern_answer *answer, struct postern_error *error)
{
    struct postern_reply_box *box = answer->box;
    (void)error;
    const Postern__V1__DeleteAccountReply *wire = (const Postern__V1__DeleteAccountReply *)box->result;
    struct postern_delete_account_reply *reply = postern_reply_new(box, sizeof *reply);
    if (reply != NULL)
        account_of(&box->arena, wire->account, &reply->account);
    return reply;
}

static enum postern_status delete_account_to_wire(struct postern_ask *ask, const void *from,
                                                  struct postern_error *error)
{
    const struct postern_delete_account_request *request = from;
    Postern__V1__DeleteAccountRequest *wire = postern_arena_take(&ask->arena, sizeof *wire);
    if (wire == NULL)
        return postern_fail_memory(error);
    postern__v1__delete_account_request__init(wire);
    wire->account = postern_wire_text(request->account);
    wire->if_version = request->if_version;
    ask->changes_registry = true;
    ask->request.call_case = POSTERN__V1__REQUEST__CALL_DELETE_ACCOUNT;
    ask->request.delete_account = wire;
    return POSTERN_OK;
}

static void deliver_delete_account(postern_done *done, void *context, void *reply, const struct postern_error *error)
{
    ((void (*)(void *, struct postern_delete_account_reply *, const struct postern_error *))done)(context, reply,
                                                                                                  error);
}

static const struct postern_method delete_account_method = {delete_account_to_wire, delete_account_of,
                                                            deliver_delete_account};

enum postern_status postern_delete_account(struct postern *client, const struct postern_delete_account_request *request,
                                           struct postern_delete_account_reply **reply, struct postern_error *error)
{
    void *made = NULL;
    enum postern_status status = postern_run(client, &delete_account_method, request, &made, error);
    *reply = made;
    return status;
}

enum postern_status postern_delete_account_start(struct postern *client,
                                                 const struct postern_delete_account_request *request,
                                                 void (*done)(void *context, struct postern_delete_account_reply *reply,
                                                              const struct postern_error *error),
                                                 void *context, struct postern_error *error)
{
    return postern_start(client, &delete_account_method, request, (postern_done *)done, context, error);
}
