// A scope catalogue in memory that remembers what it was asked.
#ifndef SUPPORT_SCOPE_CATALOGUE_H
#define SUPPORT_SCOPE_CATALOGUE_H

#include <string.h>

#include "account/account.h"

// "role: read write" - one entry a string, ended by NULL.
struct scope_catalogue {
    const char *const *entries;
    char asked[512]; // every scope asked for, each with a space behind it
    size_t calls;
    size_t fail_at; // this call (the first is 1) answers `failure`; 0 = none
    enum status failure;
    size_t extra; // added to every count
};

static inline const char *scope_catalogue_entry(const struct scope_catalogue *catalogue, struct slice scope)
{
    for (const char *const *entry = catalogue->entries; *entry != NULL; entry++)
        if (slice_starts_with(slice_text(*entry), scope) && strncmp(*entry + scope.size, ": ", 2) == 0)
            return *entry + scope.size + 2;
    return NULL;
}

static inline void scope_catalogue_note(struct scope_catalogue *catalogue, struct slice scope)
{
    size_t used = strlen(catalogue->asked);
    if (used + scope.size + 2 > sizeof catalogue->asked)
        return;
    memcpy(catalogue->asked + used, scope.data, scope.size);
    memcpy(catalogue->asked + used + scope.size, " ", 2);
}

static inline enum status scope_catalogue_find(void *context, struct slice scope, struct slice *implies, size_t max,
                                               size_t *count)
{
    struct scope_catalogue *catalogue = context;
    scope_catalogue_note(catalogue, scope);
    if (++catalogue->calls == catalogue->fail_at)
        return catalogue->failure;
    const char *rest = scope_catalogue_entry(catalogue, scope);
    if (rest == NULL)
        return STATUS_NOT_FOUND;
    for (*count = 0; *rest != '\0' && *count < max; (*count)++) {
        size_t size = strcspn(rest, " ");
        implies[*count] = slice_make(rest, size);
        rest += size + (rest[size] == ' ');
    }
    *count += catalogue->extra;
    return STATUS_OK;
}

#endif
