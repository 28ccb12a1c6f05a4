// What is asked about a request: what a route of the file, or the proxy, wants of its key.
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include "pool.h"

#include <postern/postern.h>

#include <stdbool.h>

enum { ROUTE_SCOPES_MAX = 32, ROUTE_ALTERNATIVES_MAX = 8, ROUTE_CHARGES_MAX = 16, ROUTE_METHODS_MAX = 16 };

enum route_unavailable { ROUTE_AS_ALL = 0, ROUTE_REFUSE, ROUTE_ALLOW };

// Whoever can be asked about: all zero means one unit of `requests`, by a key of any kind.
struct route {
    const char *path; // a pattern, as in path.h; NULL: of the request itself
    const char *methods[ROUTE_METHODS_MAX];
    size_t method_count; // 0: all
    const char *scopes[ROUTE_SCOPES_MAX];
    size_t scope_count;
    struct postern_scope_alternatives alternatives[ROUTE_ALTERNATIVES_MAX];
    size_t alternative_count;
    struct postern_charge charges[ROUTE_CHARGES_MAX];
    size_t charge_count;
    const char *resource; // until route_complete makes a charge of them
    uint64_t cost;
    enum postern_environment environment;
    bool secret_only;
    bool shadow;                             // refuses nobody, and says when it would have
    bool open;                               // asks nobody: everybody may
    enum route_unavailable when_unavailable; // what happens while posternd cannot be asked
};

// Sets what `name` says, of a route of the file or, unless `is_file`, of the query and the headers of a request; lists
// add up. Returns what is wrong, or NULL; everything comes from the pool.
const char *route_set(struct pool *pool, struct route *route, const char *name, const char *text, bool is_file);
// Makes a charge of resource and cost. Returns what is wrong with the whole, or NULL.
const char *route_complete(struct route *route);
// The first route for method and clean path; NULL: there is none.
const struct route *route_find(const struct route *routes, size_t count, struct pool *pool, const char *method,
                               const char *path);

#endif
