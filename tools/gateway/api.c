// What every call of /v1 begins and ends with.
#include "api.h"

#include "credential.h"
#include "failure.h"
#include "json.h"
#include "reply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// The text itself, or what can be shown of it where it is no UTF-8.
static const char *shown(struct pool *pool, const char *text)
{
    json_t *string = json_string(text);
    char *copy = pool_copy(pool, text, strlen(text));
    for (char *at = copy; string == NULL && *at != '\0'; at++)
        if ((signed char)*at < ' ')
            *at = '?';
    json_decref(string);
    return copy;
}

bool api_refuse(struct api *api, const char *field, const char *why)
{
    const char *name = shown(api->request->pool, field);
    json_problem_with(api->answer, 400, "INVALID_ARGUMENT", pool_format(api->request->pool, "%s %s", name, why),
                      json_pack("{s:s}", "field", name));
    return false;
}

// ---------------------------------------------------------------------------------------------------------- headers

// Browsers say where a page comes from that asks. Only our own may. Older ones, and all without TLS, say it by Origin
// alone: "http://HOST" with the host that was asked.
static bool is_foreign(const struct http_request *request)
{
    const char *origin = http_header(request, "Origin", NULL), *host = http_header(request, "Host", NULL);
    const char *site = http_header(request, "Sec-Fetch-Site", NULL);
    if (site != NULL)
        return strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
    const char *origin_host = origin != NULL ? strstr(origin, "://") : NULL;
    return origin != NULL && (origin_host == NULL || host == NULL || strcasecmp(origin_host + 3, host) != 0);
}

// The one value of a header that may be there once. False: there are several.
static bool read_header(struct api *api, const char *name, const char **value)
{
    size_t count = 0;
    *value = http_header(api->request, name, &count);
    return count < 2 || api_refuse(api, name, "is there more than once: send it once");
}

// A UUID, with or without dashes and quotation marks (draft-ietf-httpapi-idempotency-key-header).
static bool read_request_id(struct api *api)
{
    const char *text, *hex = "0123456789abcdef", *digit;
    size_t digits = 0;
    if (!read_header(api, "Idempotency-Key", &text))
        return false;
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        if (*at == '-' || *at == '"')
            continue;
        digit = strchr(hex, *at | 0x20);
        if (digit == NULL || digits == 2 * POSTERN_ID_SIZE)
            return api_refuse(api, "Idempotency-Key", "is no UUID: send 32 hexadecimal digits, at random");
        api->request_id[digits / 2] = (uint8_t)(api->request_id[digits / 2] << 4 | (digit - hex));
        digits++;
    }
    if (text != NULL && digits < 2 * POSTERN_ID_SIZE)
        return api_refuse(api, "Idempotency-Key", "is no UUID: send 32 hexadecimal digits, at random");
    api->call.request_id = text != NULL ? api->request_id : NULL;
    return true;
}

// "VERSION", as ETag gave it, or *.
static bool read_if_match(struct api *api)
{
    const char *text;
    char *end = NULL;
    if (!read_header(api, "If-Match", &text))
        return false;
    if (text == NULL || strcmp(text, "*") == 0)
        return true;
    bool is_version = text[0] == '"' && text[1] >= '1' && text[1] <= '9';
    api->if_version = is_version ? strtoull(text + 1, &end, 10) : 0;
    is_version = is_version && strcmp(end, "\"") == 0 && api->if_version <= POSTERN_AMOUNT_MAX;
    return is_version || api_refuse(api, "If-Match", "is no version: send what ETag said, e.g. \"17\"");
}

bool api_begin(struct api *api, const struct gateway *gateway, const struct http_request *request,
               struct http_answer *answer)
{
    *api = (struct api){.gateway = gateway, .request = request, .answer = answer};
    http_add(answer, "Cache-Control", "no-store");
    if (is_foreign(request)) {
        json_problem(answer, 403, "CROSS_ORIGIN", "a page of another site may not ask: ask from your own server");
        return false;
    }
    api->call.traceparent = http_header(request, "traceparent", NULL);
    api->call.api_key = credential_need(request, answer);
    return api->call.api_key != NULL && read_request_id(api) && read_if_match(api);
}

// ---------------------------------------------------------------------------------------------------------- answers

void api_answer_with(struct api *api, void *reply, json_t *more)
{
    json_t *object = reply_json(reply);
    (void)json_object_update(object, more);
    json_decref(more);
    json_answer(api->answer, 200, "application/json", object);
    postern_reply_free(reply);
}

void api_answer(struct api *api, unsigned http_status, enum postern_status status, void *reply)
{
    if (status == POSTERN_OK)
        json_answer(api->answer, http_status, "application/json", reply_json(reply));
    else
        failure_answer(api->answer, &api->error);
    postern_reply_free(reply);
}

void api_answer_key(struct api *api, unsigned http_status, enum postern_status status, void *reply,
                    const struct postern_key *key)
{
    if (status == POSTERN_OK)
        http_add_format(api->answer, "ETag", "\"%" PRIu64 "\"", key->version);
    if (status == POSTERN_OK && http_status == 201)
        http_add_format(api->answer, "Location", "/v1/keys/%s", key->key_id);
    api_answer(api, http_status, status, reply);
}

const struct postern_key *api_own_key(struct api *api, struct postern_get_reply **reply)
{
    const struct postern_get_request ask = {.call = {.api_key = api->call.api_key}, .api_key = api->call.api_key};
    if (postern_get(api->gateway->client, &ask, reply, &api->error) == POSTERN_OK)
        return &(*reply)->key;
    failure_answer(api->answer, &api->error);
    return NULL;
}
