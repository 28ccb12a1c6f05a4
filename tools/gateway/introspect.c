// A token is active when its key would be let in now, but for its limits: it is a peek by a key that may verify.
#include "introspect.h"

#include "credential.h"
#include "failure.h"
#include "json.h"

#include <string.h>
#include <strings.h>

enum { FORM_MAX = 16 };
#define FORM_TYPE "application/x-www-form-urlencoded"

// The one value of that name; NULL: there is none, or several.
static const char *value_of(const struct http_field *fields, size_t count, const char *name)
{
    const char *found = NULL;
    for (size_t i = 0, n = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            found = n++ == 0 ? fields[i].value : NULL;
    return found;
}

static bool read_form(const struct http_request *request, const char **token, const char **address)
{
    struct http_field fields[FORM_MAX];
    size_t count = 0;
    const char *type = http_header(request, "Content-Type", NULL);
    if (type == NULL || strncasecmp(type, FORM_TYPE, strlen(FORM_TYPE)) != 0 ||
        strlen(request->body) != request->body_size ||
        !http_parse_form(request->pool, request->body, fields, FORM_MAX, &count))
        return false;
    *token = value_of(fields, count, "token");
    *address = value_of(fields, count, "remote_address");
    return *token != NULL && (*token)[0] != '\0';
}

static bool is_active(const struct postern_verify_reply *reply)
{
    return reply->allowed || reply->reason == POSTERN_REASON_RATE_LIMITED ||
           reply->reason == POSTERN_REASON_COST_EXCEEDS_LIMIT;
}

static json_t *describe(struct pool *pool, const struct postern_verify_reply *reply)
{
    const char *scopes = "";
    for (size_t i = 0; i < reply->scope_count; i++)
        scopes = pool_format(pool, "%s%s%s", scopes, i > 0 ? " " : "", reply->scopes[i]);
    json_t *token = json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:s}", "active", 1, "scope", scopes, "client_id",
                              reply->key_id, "sub", reply->account, "token_type", "Bearer", "environment",
                              postern_environment_name(reply->environment), "tier", reply->tier);
    if (reply->expires_at_ms > 0)
        (void)json_object_set_new(token, "exp", json_integer((json_int_t)(reply->expires_at_ms / 1000)));
    return token;
}

void introspect_answer(const struct gateway *gateway, const struct http_request *request, struct http_answer *answer)
{
    struct postern_verify_request ask = {.peek = true};
    struct postern_verify_reply *reply = NULL;
    struct postern_error error;
    http_add(answer, "Cache-Control", "no-store");
    ask.call.api_key = credential_need(request, answer);
    if (ask.call.api_key == NULL)
        return;
    if (!read_form(request, &ask.api_key, &ask.remote_address)) {
        json_problem(answer, 400, "INVALID_REQUEST", "send one token=... as " FORM_TYPE);
        return;
    }
    if (postern_verify(gateway->client, &ask, &reply, &error) != POSTERN_OK)
        failure_answer(answer, &error);
    else if (is_active(reply))
        json_answer(answer, 200, "application/json", describe(request->pool, reply));
    else
        json_answer(answer, 200, "application/json", json_pack("{s:b}", "active", 0));
    postern_reply_free(reply);
}
