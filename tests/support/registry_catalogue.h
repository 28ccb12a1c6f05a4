// Asks about the catalogue of scopes.
#ifndef SUPPORT_REGISTRY_CATALOGUE_H
#define SUPPORT_REGISTRY_CATALOGUE_H

#include "support/registry_asks.h"

// `implied` names one scope, or is NULL.
static inline struct ask *ask_to_put_scope(struct registry_fixture *fixture, const char *name, const char *implied)
{
    struct ask *ask = ask_new(fixture, REGISTRY_PUT_SCOPE);
    struct registry_scope *scope = &ask->command.ask.put_scope;
    *scope = (struct registry_scope){.name = ask_copy(ask, name)};
    scope->implies = arena_array(ask->command.arena, 1, sizeof *scope->implies);
    fixture_demand(scope->implies != NULL, "no memory");
    if (implied != NULL)
        scope->implies[scope->implies_count++] = ask_copy(ask, implied);
    return ask;
}

enum { SCOPE_DEFAULT = 1, SCOPE_PUBLIC_SAFE = 2 };

static inline struct ask *ask_to_mark_scope(struct registry_fixture *fixture, const char *name, unsigned marks)
{
    struct ask *ask = ask_to_put_scope(fixture, name, NULL);
    ask->command.ask.put_scope.is_default = (marks & SCOPE_DEFAULT) != 0;
    ask->command.ask.put_scope.public_safe = (marks & SCOPE_PUBLIC_SAFE) != 0;
    return ask;
}

static inline void put_scope(struct registry_fixture *fixture, const char *name, const char *implied)
{
    EXPECT_OK(fixture, ask_to_put_scope(fixture, name, implied));
}

static inline void mark_scope(struct registry_fixture *fixture, const char *name, unsigned marks)
{
    EXPECT_OK(fixture, ask_to_mark_scope(fixture, name, marks));
}

static inline struct ask *ask_to_delete_scope(struct registry_fixture *fixture, const char *name)
{
    return ask_to_delete_named(fixture, REGISTRY_DELETE_SCOPE, name);
}

static inline enum status find_scope(struct registry_fixture *fixture, const char *name, struct registry_scope *out)
{
    return registry_find_scope(fixture_look(fixture), slice_text(name), fixture->arena, out);
}

#endif
