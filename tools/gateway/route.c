// One table says what a route may hold; a file's values and a proxy's come as the same text.
#include "route.h"

#include "path.h"

#include <stdlib.h>
#include <string.h>

// Calls `take` for each piece between blanks and commas.
static const char *each_word(struct pool *pool, struct route *route, const char *text,
                             const char *(*take)(struct pool *pool, struct route *route, char *word))
{
    const char *why = NULL;
    for (size_t size = 0; why == NULL; text += size) {
        text += strspn(text, " ,");
        size = strcspn(text, " ,");
        if (size == 0)
            break;
        why = take(pool, route, pool_copy(pool, text, size));
    }
    return why;
}

static bool read_amount(const char *text, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 15 || text[digits] != '\0')
        return false;
    *out = strtoull(text, NULL, 10);
    return *out > 0;
}

static bool read_bool(const char *text, bool *out)
{
    *out = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "1") == 0;
    return *out || strcmp(text, "false") == 0 || strcmp(text, "no") == 0 || strcmp(text, "0") == 0;
}

static const char *set_path(struct pool *pool, struct route *route, const char *text)
{
    route->path = pool_copy(pool, text, strlen(text));
    return path_check_pattern(text);
}

static const char *take_method(struct pool *pool, struct route *route, char *word)
{
    (void)pool;
    if (route->method_count == ROUTE_METHODS_MAX || strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != strlen(word))
        return "is no list of methods in capitals, e.g. GET, POST";
    route->methods[route->method_count++] = word;
    return NULL;
}

static const char *set_method(struct pool *pool, struct route *route, const char *text)
{
    return each_word(pool, route, text, take_method);
}

static const char *add_alternatives(struct pool *pool, struct route *route, char *word)
{
    if (route->alternative_count == ROUTE_ALTERNATIVES_MAX)
        return "has more than 8 scopes with alternatives";
    const char **scopes = pool_take(pool, ROUTE_SCOPES_MAX, sizeof *scopes);
    size_t count = 0;
    char *rest = NULL;
    for (char *scope = strtok_r(word, "|", &rest); scope != NULL; scope = strtok_r(NULL, "|", &rest)) {
        if (count == ROUTE_SCOPES_MAX)
            return "has too many alternatives";
        scopes[count++] = scope;
    }
    route->alternatives[route->alternative_count++] = (struct postern_scope_alternatives){scopes, count};
    return NULL;
}

static const char *take_scope(struct pool *pool, struct route *route, char *word)
{
    if (strchr(word, '|') != NULL)
        return add_alternatives(pool, route, word);
    if (route->scope_count == ROUTE_SCOPES_MAX)
        return "has more than 32 scopes";
    route->scopes[route->scope_count++] = word;
    return NULL;
}

static const char *set_scope(struct pool *pool, struct route *route, const char *text)
{
    return each_word(pool, route, text, take_scope);
}

static const char *take_charge(struct pool *pool, struct route *route, char *word)
{
    struct postern_charge charge = {.resource = word, .cost = 1};
    char *equals = strchr(word, '=');
    (void)pool;
    if (equals != NULL) {
        *equals = '\0';
        if (!read_amount(equals + 1, &charge.cost))
            return "has a cost that is no number from 1 on; write for example requests, tokens=200";
    }
    if (route->charge_count == ROUTE_CHARGES_MAX)
        return "has more than 16 resources";
    route->charges[route->charge_count++] = charge;
    return NULL;
}

static const char *set_charge(struct pool *pool, struct route *route, const char *text)
{
    return each_word(pool, route, text, take_charge);
}

static const char *set_resource(struct pool *pool, struct route *route, const char *text)
{
    route->resource = pool_copy(pool, text, strlen(text));
    return strpbrk(text, " ,=") != NULL || text[0] == '\0' ? "is no name of one resource" : NULL;
}

static const char *set_cost(struct pool *pool, struct route *route, const char *text)
{
    (void)pool;
    return read_amount(text, &route->cost) ? NULL : "is no number from 1 on";
}

static const char *set_environment(struct pool *pool, struct route *route, const char *text)
{
    (void)pool;
    enum postern_environment before = route->environment;
    route->environment = strcmp(text, "live") == 0   ? POSTERN_ENVIRONMENT_LIVE
                         : strcmp(text, "test") == 0 ? POSTERN_ENVIRONMENT_TEST
                                                     : POSTERN_ENVIRONMENT_UNSPECIFIED;
    if (route->environment == POSTERN_ENVIRONMENT_UNSPECIFIED)
        return "is neither live nor test";
    return before == POSTERN_ENVIRONMENT_UNSPECIFIED || before == route->environment ? NULL : "is another one before";
}

static const char *const no_bool = "is neither true nor false";

static const char *set_secret_only(struct pool *pool, struct route *route, const char *text)
{
    (void)pool;
    return read_bool(text, &route->secret_only) ? NULL : no_bool;
}

static const char *set_shadow(struct pool *pool, struct route *route, const char *text)
{
    (void)pool;
    return read_bool(text, &route->shadow) ? NULL : no_bool;
}

static const char *set_open(struct pool *pool, struct route *route, const char *text)
{
    (void)pool;
    return read_bool(text, &route->open) ? NULL : no_bool;
}

static const char *set_when_unavailable(struct pool *pool, struct route *route, const char *text)
{
    (void)pool;
    route->when_unavailable = strcmp(text, "allow") == 0 ? ROUTE_ALLOW : ROUTE_REFUSE;
    return route->when_unavailable == ROUTE_ALLOW || strcmp(text, "refuse") == 0 ? NULL : "is neither refuse nor allow";
}

static const struct {
    const char *name;
    const char *(*set)(struct pool *pool, struct route *route, const char *text);
    bool is_of_file; // a proxy cannot say it about a request
} members[] = {
    {"path", set_path, true},
    {"method", set_method, true},
    {"scope", set_scope, false},
    {"charge", set_charge, false},
    {"resource", set_resource, false},
    {"cost", set_cost, false},
    {"environment", set_environment, false},
    {"secret_only", set_secret_only, false},
    {"shadow", set_shadow, true},
    {"open", set_open, true},
    {"when_unavailable", set_when_unavailable, true},
};

const char *route_set(struct pool *pool, struct route *route, const char *name, const char *text, bool is_file)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, name) == 0 && (is_file || !members[i].is_of_file))
            return members[i].set(pool, route, text);
    return is_file ? "is none of path, method, scope, charge, resource, cost, environment, secret_only, shadow, open, "
                     "when_unavailable"
                   : "is none of scope, charge, resource, cost, environment, secret_only";
}

const char *route_complete(struct route *route)
{
    if (route->resource == NULL && route->cost == 0)
        return NULL;
    if (route->charge_count == ROUTE_CHARGES_MAX)
        return "has more than 16 resources";
    route->charges[route->charge_count++] =
        (struct postern_charge){route->resource != NULL ? route->resource : "requests", route->cost};
    route->resource = NULL;
    route->cost = 0;
    return NULL;
}

static bool has_method(const struct route *route, const char *method)
{
    for (size_t i = 0; i < route->method_count; i++)
        if (strcmp(route->methods[i], strcmp(method, "HEAD") == 0 ? "GET" : method) == 0 ||
            strcmp(route->methods[i], method) == 0)
            return true;
    return route->method_count == 0;
}

const struct route *route_find(const struct route *routes, size_t count, struct pool *pool, const char *method,
                               const char *path)
{
    struct path_match match = {0};
    for (size_t i = 0; i < count; i++)
        if (has_method(&routes[i], method) && path_fits(pool, routes[i].path, path, &match))
            return &routes[i];
    return NULL;
}
