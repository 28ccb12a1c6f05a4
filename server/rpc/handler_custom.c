// Custom subjects of RateCheck: their limits come with the call.
#include <stdio.h>
#include <string.h>

#include "rpc/handler.h"
#include "rpc/wire.h"

// A namespace has no NUL, so that no two subjects have one name.
static bool write_name(struct arena *arena, const Postern__V1__Custom *custom, struct slice *out)
{
    size_t space = custom->namespace_.len, size = space + 1 + custom->identifier.len;
    uint8_t *bytes = arena_alloc(arena, size);
    if (bytes == NULL)
        return false;
    memcpy(bytes, custom->namespace_.data, space);
    bytes[space] = 0;
    memcpy(&bytes[space + 1], custom->identifier.data, custom->identifier.len);
    *out = slice_make(bytes, size);
    return true;
}

static const char *find_conflict(const struct limit *a, const struct limit *b)
{
    if (!slice_equal(a->resource, b->resource))
        return NULL;
    if (a->unlimited != b->unlimited)
        return "says that a resource is unlimited which another one limits";
    return limit_same_meter(a, b) ? "counts on the same meter as one before it: same resource, algorithm and window"
                                  : NULL;
}

// The first limit that contradicts one before it; `count` when there is none.
static size_t find_contradiction(const struct limit *limits, size_t count, const char **why)
{
    for (size_t i = 1; i < count; i++)
        for (size_t earlier = 0; earlier < i; earlier++)
            if ((*why = find_conflict(&limits[earlier], &limits[i])) != NULL)
                return i;
    return count;
}

static enum status read_limits(struct call *call, const Postern__V1__Custom *custom, struct authorizer_custom *out)
{
    struct registry_tier own; // its limits, from the call
    struct status_note note = {.message = ""};
    const char *why = NULL;
    enum status status = wire_read_record(call->arena, REGISTRY_TIER, &custom->base, &own, &note);
    char field[sizeof note.field];
    if (status != STATUS_OK) {
        (void)snprintf(field, sizeof field, "custom.%.80s", note.field);
        return status_fail(&call->note, status, field, "%s", note.message);
    }
    out->limits = own.limits;
    out->limit_count = own.limit_count;
    size_t wrong = find_contradiction(own.limits, own.limit_count, &why);
    if (wrong == own.limit_count)
        return STATUS_OK;
    (void)snprintf(field, sizeof field, "custom.limits[%zu]", wrong);
    return status_fail(&call->note, STATUS_INVALID_ARGUMENT, field, "rate_check.%s %s", field, why);
}

enum call_progress handler_decide_custom(struct handler_decision *decision, const Postern__V1__Custom *custom)
{
    struct call *call = decision->call;
    struct authorizer_custom *subject = &decision->ask.custom;
    if (custom->namespace_.len == 0)
        return call_fail_member(call, "custom.namespace", "is missing: say whose identifiers these are, e.g. login");
    if (custom->identifier.len == 0)
        return call_fail_member(call, "custom.identifier", "is missing: say who or what is being counted");
    if (custom->n_limits == 0)
        return call_fail_member(call, "custom.limits", "is empty: a custom subject brings at least one limit");
    if (!write_name(call->arena, custom, &subject->name))
        return call_fail_memory(call);
    subject->relaxed = custom->relaxed;
    enum status status = read_limits(call, custom, subject);
    if (status != STATUS_OK) {
        struct status_note note = call->note;
        return call_fail_note(call, status, &note);
    }
    return handler_decide(decision);
}
