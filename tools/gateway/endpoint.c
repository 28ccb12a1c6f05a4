// Finds the handler. A row here is all that a new path needs.
#include "endpoint.h"

#include "api.h"
#include "auth.h"
#include "console.h"
#include "health.h"
#include "introspect.h"
#include "json.h"
#include "metrics.h"
#include "path.h"

#include <string.h>

static const struct endpoint endpoints[] = {
    {"*", "/auth/**", NULL, auth_start},
    {"GET", "/healthz", health_answer, NULL},
    {"GET", "/metrics", metrics_answer, NULL},
    {"POST", "/introspect", introspect_answer, NULL},
    {"GET", "/v1/openapi.json", console_openapi, NULL},
    {"GET", "/v1/keys", api_list_keys, NULL},
    {"POST", "/v1/keys", api_create_key, NULL},
    {"GET", "/v1/keys/*", api_get_key, NULL},
    {"PATCH", "/v1/keys/*", api_update_key, NULL},
    {"DELETE", "/v1/keys/*", api_delete_key, NULL},
    {"POST", "/v1/keys/*/roll", api_roll_key, NULL},
    {"POST", "/v1/keys/*/revoke", api_revoke_key, NULL},
    {"GET", "/v1/account", api_account, NULL},
    {"GET", "/v1/limits", api_limits, NULL},
    {"GET", "/v1/usage", api_usage, NULL},
    {"GET", "/v1/audit", api_audit, NULL},
    {"GET", "/v1/scopes", api_list_scopes, NULL},
    {"GET", "/v1/accounts", api_list_accounts, NULL},
    {"GET", "/v1/tiers", api_list_tiers, NULL},
    {"GET", "/console", console_page, NULL},
    {"GET", "/console/*", console_file, NULL},
};

enum { ENDPOINTS = sizeof endpoints / sizeof *endpoints };

static bool is_method(const struct endpoint *endpoint, const char *method)
{
    return strcmp(endpoint->method, "*") == 0 || strcmp(endpoint->method, method) == 0 ||
           (strcmp(endpoint->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

// Says 405 with the methods that the path has, or 404 when it has none.
static void refuse(struct http_answer *answer, const char *allowed)
{
    if (allowed[0] == '\0') {
        json_problem(answer, 404, "NOT_FOUND", "there is nothing at this path");
        return;
    }
    http_add(answer, "Allow", allowed);
    json_problem(answer, 405, "METHOD_NOT_ALLOWED", "this path has other methods; see Allow");
}

const struct endpoint *endpoint_find(struct http_request *request, struct http_answer *answer)
{
    const char *why = NULL, *path = path_clean(request->pool, request->path, &why), *allowed = "";
    if (path == NULL) {
        json_problem(answer, 400, "AMBIGUOUS_PATH",
                     pool_format(request->pool, "the path can be read in more than one way: %s", why));
        return NULL;
    }
    for (size_t i = 0; i < ENDPOINTS; i++) {
        struct path_match match = {.segments = request->segments, .segment_max = HTTP_SEGMENTS_MAX};
        if (!path_fits(request->pool, endpoints[i].path, path, &match))
            continue;
        if (is_method(&endpoints[i], request->method)) {
            request->segment_count = match.segment_count;
            request->rest = match.rest;
            return &endpoints[i];
        }
        allowed = pool_format(request->pool, "%s%s%s", allowed, allowed[0] != '\0' ? ", " : "", endpoints[i].method);
    }
    refuse(answer, allowed);
    return NULL;
}
