// /v1/keys: makes, lists, reads, changes, rolls, revokes and deletes keys.
#include "api.h"

static const struct api_field list_fields[] = {
    API_FIELD(list_request, account, API_TEXT),
    API_PAGES(list_request),
    {.name = "state", .kind = API_WORD, .at = API_AT(list_request, state), .words = api_key_states},
    {.name = "environment", .kind = API_WORD, .at = API_AT(list_request, environment), .words = api_environments},
    API_FIELD(list_request, created_before_ms, API_TIME),
    API_FIELD(list_request, expires_before_ms, API_TIME),
    API_FIELD(list_request, expires_after_ms, API_TIME),
    API_FIELD(list_request, last_rolled_before_ms, API_TIME),
    API_FIELD(list_request, never_used, API_BOOL),
    API_FIELD(list_request, with_unusual, API_BOOL),
    API_FIELD(list_request, unusual, API_BOOL),
    API_FIELD(list_request, name_prefix, API_TEXT),
    API_FIELD(list_request, scope, API_TEXT),
    API_LIST(list_request, metadata, API_METADATA, metadata_count),
    {0},
};

static const struct api_field create_fields[] = {
    API_FIELD(create_request, account, API_TEXT),
    API_FIELD(create_request, name, API_TEXT),
    {.name = "environment", .kind = API_WORD, .at = API_AT(create_request, environment), .words = api_environments},
    {.name = "type", .kind = API_WORD, .at = API_AT(create_request, type), .words = api_key_types},
    API_LIST(create_request, scopes, API_TEXTS, scope_count),
    API_FIELD(create_request, expires_at_ms, API_TIME),
    API_FIELD(create_request, not_before_ms, API_TIME),
    API_FIELD(create_request, prefix, API_TEXT),
    API_LIST(create_request, metadata, API_METADATA, metadata_count),
    API_LIST(create_request, limits, API_LIMITS, limit_count),
    API_LIST(create_request, allowed_addresses, API_TEXTS, allowed_address_count),
    {0},
};

// A member that is there is set, lists as a whole.
// clang-format off: versions differ about braces in macros
#define UPDATE(member, which, flag)                                                                                    \
    {                                                                                                                  \
        .name = #member, .kind = (which), .at = API_AT(update_request, member), .bit = POSTERN_UPDATE_##flag           \
    }
#define UPDATE_LIST(member, which, count, flag)                                                                        \
    {                                                                                                                  \
        .name = #member, .kind = (which), .at = API_AT(update_request, member),                                        \
        .count_at = API_AT(update_request, count), .bit = POSTERN_UPDATE_##flag                                        \
    }
// clang-format on

static const struct api_field update_fields[] = {
    UPDATE(name, API_TEXT, NAME),
    UPDATE(expires_at_ms, API_TIME, EXPIRES_AT),
    UPDATE(not_before_ms, API_TIME, NOT_BEFORE),
    UPDATE(enabled, API_BOOL, ENABLED),
    UPDATE_LIST(scopes, API_TEXTS, scope_count, SCOPES),
    UPDATE_LIST(metadata, API_METADATA, metadata_count, METADATA),
    UPDATE_LIST(limits, API_LIMITS, limit_count, LIMITS),
    UPDATE_LIST(allowed_addresses, API_TEXTS, allowed_address_count, ALLOWED_ADDRESSES),
    {0},
};

static const struct api_field roll_fields[] = {
    {.name = "grace_ms",
     .kind = API_TIME,
     .at = API_AT(roll_request, grace_ms),
     .given_at = API_AT(roll_request, has_grace)},
    {.name = "expires_at_ms",
     .kind = API_TIME,
     .at = API_AT(roll_request, expires_at_ms),
     .given_at = API_AT(roll_request, has_expiry)},
    {0},
};

static const struct api_field revoke_fields[] = {API_FIELD(revoke_request, reason, API_TEXT), {0}};

static const struct api_field no_fields[] = {{0}};

// The id that the path names.
static const char *key_id_of(const struct api *api)
{
    return api->request->segments[0];
}

void api_list_keys(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_list_request ask = {.page_size = 0};
    struct postern_list_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_query(&api, list_fields, &ask))
        return;
    ask.call = api.call;
    enum postern_status status = postern_list(gateway->client, &ask, &reply, &api.error);
    api_answer(&api, 200, status, reply);
}

void api_create_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_create_request ask = {.expires_at_ms = 0};
    struct postern_create_reply *reply = NULL;
    struct postern_get_reply *own = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_body(&api, create_fields, &ask, NULL))
        return;
    const struct postern_key *caller = ask.account == NULL ? api_own_key(&api, &own) : NULL;
    if (ask.account == NULL && caller == NULL)
        return;
    ask.call = api.call;
    if (caller != NULL)
        ask.account = caller->account;
    enum postern_status status = postern_create(gateway->client, &ask, &reply, &api.error);
    api_answer_key(&api, 201, status, reply, reply != NULL ? &reply->key : NULL);
    postern_reply_free(own);
}

void api_get_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_get_reply *reply = NULL;
    struct postern_get_request ask = {.key_id = request->segments[0]};
    if (!api_begin(&api, gateway, request, answer) || !api_read_query(&api, no_fields, &ask))
        return;
    ask.call = api.call;
    enum postern_status status = postern_get(gateway->client, &ask, &reply, &api.error);
    api_answer_key(&api, 200, status, reply, reply != NULL ? &reply->key : NULL);
}

void api_update_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_update_request ask = {.fields = 0};
    struct postern_update_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_body(&api, update_fields, &ask, &ask.fields))
        return;
    ask.call = api.call;
    ask.key_id = key_id_of(&api);
    ask.if_version = api.if_version;
    enum postern_status status = postern_update(gateway->client, &ask, &reply, &api.error);
    api_answer_key(&api, 200, status, reply, reply != NULL ? &reply->key : NULL);
}

void api_roll_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_roll_request ask = {.has_grace = false};
    struct postern_roll_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_body(&api, roll_fields, &ask, NULL))
        return;
    ask.call = api.call;
    ask.key_id = key_id_of(&api);
    ask.if_version = api.if_version;
    enum postern_status status = postern_roll(gateway->client, &ask, &reply, &api.error);
    api_answer_key(&api, 201, status, reply, reply != NULL ? &reply->key : NULL);
}

void api_revoke_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_revoke_request ask = {.reason = NULL};
    struct postern_revoke_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_body(&api, revoke_fields, &ask, NULL))
        return;
    ask.call = api.call;
    ask.key_id = key_id_of(&api);
    ask.if_version = api.if_version;
    enum postern_status status = postern_revoke(gateway->client, &ask, &reply, &api.error);
    api_answer_key(&api, 200, status, reply, reply != NULL ? &reply->key : NULL);
}

void api_delete_key(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct api api;
    struct postern_delete_request ask = {.key_id = request->segments[0]};
    struct postern_delete_reply *reply = NULL;
    if (!api_begin(&api, gateway, request, answer) || !api_read_body(&api, no_fields, &ask, NULL))
        return;
    ask.call = api.call;
    ask.if_version = api.if_version;
    enum postern_status status = postern_delete(gateway->client, &ask, &reply, &api.error);
    api_answer_key(&api, 200, status, reply, reply != NULL ? &reply->key : NULL);
}
