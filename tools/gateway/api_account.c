// /v1/account, limits, usage and audit: what an account is, may and did; and the lists of accounts, tiers and scopes.
#include "api.h"

#include "failure.h"
#include "reply.h"

#include <string.h>

// ------------------------------------------------------------------------------------------------------- an account

static const struct api_field account_fields[] = {API_FIELD(get_account_request, account, API_TEXT), {0}};

static bool has_scope(const struct postern_key *key, const char *scope)
{
    for (size_t i = 0; i < key->scope_count; i++)
        if (strcmp(key->scopes[i], scope) == 0)
            return true;
    return false;
}

// Who asks. Its role is what its key's scopes give it, unless posternd's listener allows less.
static json_t *describe_caller(const struct postern_key *key)
{
    bool is_operator = strcmp(key->account, "postern") == 0 && has_scope(key, "postern:operator");
    json_t *scopes = json_array();
    for (size_t i = 0; i < key->scope_count; i++)
        (void)json_array_append_new(scopes, json_string(key->scopes[i]));
    return json_pack("{s:s, s:s, s:s, s:o, s:s}", "key_id", key->key_id, "name", key->name, "account", key->account,
                     "scopes", scopes, "role", is_operator ? "OPERATOR" : "ACCOUNT_ADMIN");
}

void api_account(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_get_account_request ask = {.account = NULL};
    struct postern_get_account_reply *reply = NULL;
    struct postern_get_reply *own = NULL;
    const struct postern_key *caller;
    if (!api_begin(&api, gateway, request, answer) || !api_read_query(&api, account_fields, &ask) ||
        (caller = api_own_key(&api, &own)) == NULL)
        return;
    ask.call = api.call;
    if (ask.account == NULL)
        ask.account = caller->account;
    if (postern_get_account(gateway->client, &ask, &reply, &api.error) == POSTERN_OK)
        api_answer_with(&api, reply, json_pack("{s:o}", "caller", describe_caller(caller)));
    else
        failure_answer(answer, &api.error);
    postern_reply_free(own);
}

static const struct api_field limits_fields[] = {
    API_FIELD(rate_check_request, account, API_TEXT), API_FIELD(rate_check_request, key_id, API_TEXT), {0}};

// Takes no units.
void api_limits(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_rate_check_request ask = {.mode = POSTERN_RATE_CHECK_PEEK};
    struct postern_rate_check_reply *reply = NULL;
    struct postern_get_reply *own = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_query(&api, limits_fields, &ask))
        return;
    if (ask.account != NULL && ask.key_id != NULL) {
        (void)api_refuse(&api, "key_id", "is there beside account: send one of them");
        return;
    }
    bool is_own = ask.account == NULL && ask.key_id == NULL;
    const struct postern_key *caller = is_own ? api_own_key(&api, &own) : NULL;
    if (is_own && caller == NULL)
        return;
    ask.call = api.call;
    if (is_own)
        ask.account = caller->account;
    enum postern_status status = postern_rate_check(gateway->client, &ask, &reply, &api.error);
    api_answer(&api, 200, status, reply);
    postern_reply_free(own);
}

static const struct api_word buckets[] = {{"hour", 3600}, {"day", 86400}, {0}};

static const struct api_field usage_fields[] = {
    API_FIELD(get_usage_request, account, API_TEXT),
    API_FIELD(get_usage_request, key_id, API_TEXT),
    API_FIELD(get_usage_request, from_ms, API_TIME),
    API_FIELD(get_usage_request, to_ms, API_TIME),
    {.name = "bucket", .kind = API_WORD, .at = API_AT(get_usage_request, bucket_s), .words = buckets},
    {0},
};

void api_usage(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_get_usage_request ask = {.bucket_s = 0};
    struct postern_get_usage_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_query(&api, usage_fields, &ask))
        return;
    ask.call = api.call;
    enum postern_status status = postern_get_usage(gateway->client, &ask, &reply, &api.error);
    api_answer(&api, 200, status, reply);
}

static const struct api_field audit_fields[] = {
    API_FIELD(list_changes_request, account, API_TEXT),
    API_FIELD(list_changes_request, key_id, API_TEXT),
    API_FIELD(list_changes_request, actor, API_TEXT),
    API_FIELD(list_changes_request, from_ms, API_TIME),
    API_FIELD(list_changes_request, to_ms, API_TIME),
    API_FIELD(list_changes_request, after_seq, API_TIME),
    API_PAGES(list_changes_request),
    {0},
};

void api_audit(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_list_changes_request ask = {.wait_ms = 0};
    struct postern_list_changes_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_query(&api, audit_fields, &ask))
        return;
    ask.call = api.call;
    enum postern_status status = postern_list_changes(gateway->client, &ask, &reply, &api.error);
    api_answer(&api, 200, status, reply);
}

// ------------------------------------------------------------------------------------------------------------ lists

static const struct api_field scope_pages[] = {API_PAGES(list_scopes_request), {0}};
static const struct api_field account_pages[] = {API_PAGES(list_accounts_request), {0}};
static const struct api_field tier_pages[] = {API_PAGES(list_tiers_request), {0}};

void api_list_scopes(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_list_scopes_request ask = {.page_size = 0};
    struct postern_list_scopes_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_query(&api, scope_pages, &ask))
        return;
    ask.call = api.call;
    enum postern_status status = postern_list_scopes(gateway->client, &ask, &reply, &api.error);
    api_answer(&api, 200, status, reply);
}

void api_list_accounts(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_list_accounts_request ask = {.page_size = 0};
    struct postern_list_accounts_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_query(&api, account_pages, &ask))
        return;
    ask.call = api.call;
    enum postern_status status = postern_list_accounts(gateway->client, &ask, &reply, &api.error);
    api_answer(&api, 200, status, reply);
}

void api_list_tiers(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_list_tiers_request ask = {.page_size = 0};
    struct postern_list_tiers_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_query(&api, tier_pages, &ask))
        return;
    ask.call = api.call;
    enum postern_status status = postern_list_tiers(gateway->client, &ask, &reply, &api.error);
    api_answer(&api, 200, status, reply);
}
