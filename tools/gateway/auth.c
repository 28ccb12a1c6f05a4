// The request that is asked about is described by its own headers, which the proxy hands on, by what the proxy adds,
// and by the routes of the file. What two parties could read in two ways is refused.
#include "auth.h"

#include "credential.h"
#include "failure.h"
#include "limit_fields.h"
#include "path.h"
#include "refusal.h"

#include <string.h>

// One asking, on its way through this file.
struct asking {
    const struct gateway *gateway;
    struct endpoint_loop loop;
    const struct http_request *request;
    struct http_answer *answer;
    const struct route *route; // of the file; NULL: there are none
    struct route wanted;       // what is asked for, when the proxy adds to it
    bool is_nginx;
};

static void refuse(struct asking *asking, unsigned status, const char *code, const char *message, json_t *details)
{
    refusal_answer(asking->answer, &(struct refusal){status, code, message, details},
                   asking->gateway->options.error_body, asking->is_nginx);
}

// Says that the proxy, or who has set it up, made a mistake: nobody gets in.
static bool refuse_setup(struct asking *asking, const char *message)
{
    if (log_may(asking->gateway->failures))
        log_line(&asking->gateway->log, LOG_LEVEL_WARNING, "a proxy asks wrongly: %s", message);
    refuse(asking, 400, "MALFORMED_REQUEST", message, NULL);
    return false;
}

// --------------------------------------------------------------------------------------------- what is asked about

// The one value of that header, NULL without one. False when there are several.
static bool take_one(struct asking *asking, const char *name, const char **value)
{
    size_t count = 0;
    *value = http_header(asking->request, name, &count);
    if (count <= 1)
        return true;
    refuse(asking, 400, "MALFORMED_REQUEST", pool_format(asking->request->pool, "There are several headers %s.", name),
           NULL);
    return false;
}

// Finds method and path of the user's request. False when it was refused.
static bool take_target(struct asking *asking, const char **method, const char **path)
{
    const struct options *options = &asking->gateway->options;
    const char *target = NULL, *why = NULL;
    *method = asking->request->method;
    *path = asking->request->rest;
    if (*path != NULL && (*path)[0] != '\0')
        return true; // endpoint.c has cleaned it
    const char *uri_header = options->uri_header[0] != '\0' ? options->uri_header
                             : asking->is_nginx             ? "X-Original-URI"
                                                            : "X-Forwarded-Uri";
    const char *method_header = options->method_header[0] != '\0' ? options->method_header
                                : asking->is_nginx                ? "X-Original-Method"
                                                                  : "X-Forwarded-Method";
    if (!take_one(asking, uri_header, &target) || !take_one(asking, method_header, method))
        return false;
    if (target == NULL || *method == NULL)
        return refuse_setup(asking, pool_format(asking->request->pool,
                                                "The proxy has to say the request's path and method, in %s and %s.",
                                                uri_header, method_header));
    *path = path_clean(asking->request->pool, pool_copy(asking->request->pool, target, strcspn(target, "?")), &why);
    if (*path == NULL)
        refuse(asking, 400, "AMBIGUOUS_PATH", NULL, json_pack("{s:s}", "reason", why));
    return *path != NULL;
}

// Finds the route of the file. False when there are routes and none is for this request.
static bool take_route(struct asking *asking)
{
    const struct options *options = &asking->gateway->options;
    const char *method = NULL, *path = NULL;
    if (options->route_count == 0)
        return true;
    if (!take_target(asking, &method, &path))
        return false;
    asking->route = route_find(options->routes, options->route_count, asking->request->pool, method, path);
    if (asking->route == NULL)
        refuse(asking, 403, "NO_ROUTE", NULL, NULL);
    return asking->route != NULL;
}

static bool add_wish(struct asking *asking, const char *name, const char *text)
{
    const char *why = route_set(asking->request->pool, &asking->wanted, name, text, false);
    return why == NULL || refuse_setup(asking, pool_format(asking->request->pool, "The proxy's %s %s.", name, why));
}

// Adds what the proxy wants of this request. The query of /auth/PATH is the user's own, and says nothing.
static bool add_wishes(struct asking *asking)
{
    static const struct {
        const char *header;
        const char *name;
    } headers[] = {
        {"X-Postern-Ask-Scope", "scope"},
        {"X-Postern-Ask-Charge", "charge"},
        {"X-Postern-Ask-Resource", "resource"},
        {"X-Postern-Ask-Cost", "cost"},
        {"X-Postern-Ask-Environment", "environment"},
    };
    const struct http_request *request = asking->request;
    bool is_own_query = request->rest == NULL || request->rest[0] == '\0';
    if (asking->route != NULL)
        asking->wanted = *asking->route;
    for (size_t i = 0; is_own_query && i < request->query_count; i++)
        if (strcmp(request->query[i].name, "nginx") != 0 &&
            !add_wish(asking, request->query[i].name, request->query[i].value))
            return false;
    for (size_t i = 0; asking->gateway->options.ask_headers && i < sizeof headers / sizeof *headers; i++) {
        const char *value = NULL;
        if (!take_one(asking, headers[i].header, &value) ||
            (value != NULL && !add_wish(asking, headers[i].name, value)))
            return false;
    }
    const char *why = route_complete(&asking->wanted);
    return why == NULL || refuse_setup(asking, pool_format(request->pool, "What is asked for %s.", why));
}

// ------------------------------------------------------------------------------------------------------ the answer

static void add_identity(struct http_answer *answer, const struct postern_verify_reply *reply)
{
    size_t size = 1;
    for (size_t i = 0; i < reply->scope_count; i++)
        size += strlen(reply->scopes[i]) + 1;
    char *scopes = pool_take(answer->pool, size, 1), *end = scopes;
    for (size_t i = 0; i < reply->scope_count; i++)
        end = stpcpy(stpcpy(end, i > 0 ? " " : ""), reply->scopes[i]);
    http_add(answer, "X-Postern-Account", pool_copy(answer->pool, reply->account, strlen(reply->account)));
    http_add(answer, "X-Postern-Key-Id", pool_copy(answer->pool, reply->key_id, strlen(reply->key_id)));
    http_add(answer, "X-Postern-Scopes", scopes);
    http_add(answer, "X-Postern-Tier", pool_copy(answer->pool, reply->tier, strlen(reply->tier)));
    if (reply->environment != POSTERN_ENVIRONMENT_UNSPECIFIED)
        http_add(answer, "X-Postern-Environment", reply->environment == POSTERN_ENVIRONMENT_LIVE ? "live" : "test");
    if (reply->type != POSTERN_KEY_TYPE_UNSPECIFIED)
        http_add(answer, "X-Postern-Key-Type", reply->type == POSTERN_KEY_TYPE_PUBLIC ? "public" : "secret");
}

static void add_charge(struct http_answer *answer, const struct postern_verify_reply *reply)
{
    static const char digits[] = "0123456789abcdef";
    char *text = pool_take(answer->pool, 2 * POSTERN_ID_SIZE + 1, 1);
    for (size_t i = 0; reply->has_charge_id && i < POSTERN_ID_SIZE; i++) {
        text[2 * i] = digits[reply->charge_id[i] >> 4];
        text[2 * i + 1] = digits[reply->charge_id[i] & 0xF];
    }
    http_add(answer, "X-Postern-Charge-Id", text);
}

static json_t *details_of(const struct asking *asking, const struct postern_verify_reply *reply)
{
    json_t *details = json_object();
    for (size_t i = 0; i < reply->base.detail_count; i++) {
        const struct postern_entry *entry = &reply->base.details[i];
        bool is_header = strcmp(entry->key, "header") == 0;
        (void)json_object_set_new(details, entry->key,
                                  json_string(is_header ? asking->gateway->options.key_header : entry->value));
    }
    if (reply->missing_scope_count > 0) {
        json_t *missing = json_array();
        for (size_t i = 0; i < reply->missing_scope_count; i++)
            (void)json_array_append_new(missing, json_string(reply->missing_scopes[i]));
        (void)json_object_set_new(details, "missing_scopes", missing);
    }
    if (reply->retry_after_ms > 0)
        (void)json_object_set_new(details, "retry_after_s",
                                  json_integer((json_int_t)limit_fields_seconds(reply->retry_after_ms)));
    if (reply->binding_meter != NULL && reply->http_status == 429)
        (void)json_object_set_new(details, "resource", json_string(reply->binding_meter->resource));
    return details;
}

// RFC 6750, where the key comes as it says.
static void add_challenge(struct asking *asking, unsigned status, const char *code)
{
    bool is_bearer = strcasecmp(asking->gateway->options.key_header, "Authorization") == 0;
    const char *scheme = is_bearer ? "Bearer realm=\"api\"" : "ApiKey realm=\"api\"";
    if (status == 401)
        http_add_format(asking->answer, "WWW-Authenticate", "%s%s", scheme,
                        is_bearer && strcmp(code, "MISSING_API_KEY") != 0 ? ", error=\"invalid_token\"" : "");
    else if (is_bearer && strcmp(code, "INSUFFICIENT_SCOPE") == 0)
        http_add_format(asking->answer, "WWW-Authenticate", "%s, error=\"insufficient_scope\"", scheme);
}

static void answer_decision(struct asking *asking, const struct postern_verify_reply *reply)
{
    struct http_answer *answer = asking->answer;
    const char *code = postern_reason_name(reply->reason);
    bool passes = reply->allowed || asking->wanted.shadow;
    limit_fields_add(answer, reply->meters, reply->meter_count, reply->binding_meter, reply->base.server_time_ms);
    if (passes) {
        answer->status = 200;
        add_identity(answer, reply);
        add_charge(answer, reply);
        http_add(answer, "X-Postern-Shadow", reply->allowed ? "" : code);
        return;
    }
    add_challenge(asking, reply->http_status, code);
    if (reply->retry_after_ms > 0)
        http_add_format(answer, "Retry-After", "%llu", (unsigned long long)limit_fields_seconds(reply->retry_after_ms));
    refuse(asking, reply->http_status, code, NULL, details_of(asking, reply));
}

static bool may_pass_unasked(const struct asking *asking, const struct postern_error *error)
{
    bool allows = asking->wanted.when_unavailable == ROUTE_AS_ALL ? asking->gateway->options.allow_when_unavailable
                                                                  : asking->wanted.when_unavailable == ROUTE_ALLOW;
    return allows && (error->status == POSTERN_UNAVAILABLE || error->status == POSTERN_DEADLINE_EXCEEDED);
}

// posternd did not decide: whatever the reason, that is no fault of the user.
static void answer_failure(struct asking *asking, const struct postern_error *error)
{
    bool passes = may_pass_unasked(asking, error) || asking->wanted.shadow;
    if (log_may(asking->gateway->failures))
        log_line(&asking->gateway->log, LOG_LEVEL_WARNING, "could not ask posternd: %s: %s; %s",
                 postern_status_name(error->status), error->message, passes ? "let in" : "refused");
    if (passes) {
        asking->answer->status = 200;
        http_add(asking->answer, "X-Postern-Decided-By", "policy");
        return;
    }
    http_add_format(asking->answer, "Retry-After", "%llu",
                    (unsigned long long)limit_fields_seconds(error->retry_after_ms));
    refuse(asking, 503, "UNAVAILABLE", NULL, NULL);
}

static void finish(void *context, struct postern_verify_reply *reply, const struct postern_error *error)
{
    struct asking *asking = context;
    if (reply != NULL)
        answer_decision(asking, reply);
    else
        answer_failure(asking, error);
    postern_reply_free(reply);
    asking->loop.go_on(asking->loop.context);
}

// Starts to ask. False: the answer is there.
static bool ask(struct asking *asking)
{
    const struct options *options = &asking->gateway->options;
    const struct route *wanted = &asking->wanted;
    char address[ADDRESS_TEXT_SIZE] = "";
    const char *token = "";
    struct postern_error error;
    if (credential_take(asking->request, options->key_header, &token) == CREDENTIAL_MALFORMED) {
        refuse(asking, 400, "MALFORMED_REQUEST", "There are several API keys, or it has blanks in it.", NULL);
        return false;
    }
    (void)address_find(asking->request, options->address_header, options->trusted, options->trusted_count, address);
    const struct postern_verify_request verify = {.call.traceparent = http_header(asking->request, "traceparent", NULL),
                                                  .api_key = token,
                                                  .scopes = wanted->scopes,
                                                  .scope_count = wanted->scope_count,
                                                  .scope_alternatives = wanted->alternatives,
                                                  .scope_alternatives_count = wanted->alternative_count,
                                                  .environment = wanted->environment,
                                                  .secret_only = wanted->secret_only,
                                                  .remote_address = address,
                                                  .charges = wanted->charges,
                                                  .charge_count = wanted->charge_count};
    if (postern_verify_start(asking->loop.client, &verify, finish, asking, &error) == POSTERN_OK)
        return true;
    answer_failure(asking, &error);
    return false;
}

bool auth_start(const struct gateway *gateway, const struct endpoint_loop *loop, const struct http_request *request,
                struct http_answer *answer)
{
    bool is_own_query = request->rest == NULL || request->rest[0] == '\0';
    struct asking *asking = pool_take(request->pool, 1, sizeof *asking);
    asking->gateway = gateway;
    asking->loop = *loop;
    asking->request = request;
    asking->answer = answer;
    asking->is_nginx = gateway->options.nginx || (is_own_query && http_query(request, "nginx", NULL) != NULL);
    http_add(answer, "Cache-Control", "no-store");
    if (!take_route(asking))
        return true;
    if (asking->route != NULL && asking->route->open) {
        answer->status = 200;
        return true;
    }
    return !add_wishes(asking) || !ask(asking);
}
