// PUT_SCOPE and DELETE_SCOPE change the catalogue of scopes. One thing must always hold: a scope that is safe for
// public keys implies only such scopes. So both walk the whole catalogue for entries that the change would contradict.
#include "registry/decide/decide.h"
#include "registry/pack/pack.h"
#include "registry/table.h"

#include <stdio.h>

// --- walking the catalogue

static bool implies(const struct registry_scope *scope, struct slice name)
{
    for (size_t i = 0; i < scope->implies_count; i++)
        if (slice_equal(scope->implies[i], name))
            return true;
    return false;
}

struct catalogue_walk {
    struct store_cursor *cursor;
    struct arena *arena; // of one entry
    struct slice name;
    struct slice user; // a public-safe scope that implies `name`, in the command's arena; empty: none
};

static enum status look_for_user(struct catalogue_walk *walk, struct arena *arena)
{
    struct slice key;
    struct slice value;
    struct registry_scope scope;
    enum status status = store_cursor_seek(walk->cursor, slice_empty(), &key, &value);
    while (status == STATUS_OK) {
        arena_reset(walk->arena);
        status = unpack_scope(value, walk->arena, &scope);
        if (status != STATUS_OK)
            return status;
        if (scope.public_safe && !slice_equal(scope.name, walk->name) && implies(&scope, walk->name))
            return arena_copy(arena, scope.name, &walk->user) ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
        status = store_cursor_next(walk->cursor, &key, &value);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// FAILED_PRECONDITION when a public-safe scope implies this one, which is about to be public-safe no longer.
static enum status check_unused(struct draft *draft, struct slice name, const char *field)
{
    struct catalogue_walk walk = {.arena = arena_new(STATE_RECORD_BYTES), .name = name};
    enum status status = walk.arena != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_OK)
        status = store_cursor_open(draft->txn, TABLE_SCOPE, &walk.cursor);
    if (status == STATUS_OK)
        status = look_for_user(&walk, draft->command->arena);
    store_cursor_close(walk.cursor);
    arena_free(walk.arena);
    if (status != STATUS_OK || walk.user.size == 0)
        return status;
    return status_fail(&draft->command->failure, STATUS_FAILED_PRECONDITION, field,
                       "the scope \"%.*s\", which public keys may hold, implies this one: let it imply this one no "
                       "more, with: postern scope update %.*s --remove-implies %.*s",
                       SLICE_ARGS(walk.user), SLICE_ARGS(walk.user), SLICE_ARGS(name));
}

// --- what may be put

static enum status check_name(struct draft *draft, struct slice name)
{
    if (!account_scope_is_reserved(name) && !account_scope_is_builtin(name))
        return STATUS_OK;
    return status_fail(
        &draft->command->failure, STATUS_INVALID_ARGUMENT, "put_scope.scope",
        "\"%.*s\" is built in and always there; the namespace postern: is the daemon's own: take another "
        "name",
        SLICE_ARGS(name));
}

// A scope that a public-safe scope implies must exist and be public-safe, too.
static enum status check_implied_safe(struct draft *draft, struct slice name, const char *field)
{
    struct registry_scope implied;
    enum status status = registry_find_scope(draft->txn, name, draft->registry->scratch, &implied);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (status == STATUS_OK && implied.public_safe)
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_FAILED_PRECONDITION, field,
                       "\"%.*s\" is not marked as safe for public keys, so a scope that is cannot imply it: mark it "
                       "first with: postern scope update %.*s --public-safe",
                       SLICE_ARGS(name), SLICE_ARGS(name));
}

static enum status check_implied(struct draft *draft, const struct registry_scope *scope, size_t i)
{
    char field[sizeof draft->command->failure.field];
    struct slice name = scope->implies[i];
    if (snprintf(field, sizeof field, "put_scope.implies[%zu]", i) < 0)
        field[0] = '\0';
    if (account_scope_is_reserved(name) || !account_scope_is_valid(name))
        return status_fail(&draft->command->failure, STATUS_INVALID_ARGUMENT, field,
                           "\"%.*s\" cannot be implied: scopes are implied one by one, without wildcards, and those in "
                           "the namespace postern: never",
                           SLICE_ARGS(name));
    if (!scope->public_safe || slice_equal(name, scope->name))
        return STATUS_OK;
    return check_implied_safe(draft, name, field);
}

static enum status check_catalogue_room(struct draft *draft)
{
    uint64_t count = 0;
    enum status status = store_count(draft->txn, TABLE_SCOPE, &count);
    if (status != STATUS_OK || count < ACCOUNT_CATALOGUE_MAX)
        return status;
    return status_fail(&draft->command->failure, STATUS_RESOURCE_EXHAUSTED, "put_scope.scope",
                       "the catalogue holds %d scopes already, as many as it may: delete some that are not used, or "
                       "grant what belongs together as one scope",
                       ACCOUNT_CATALOGUE_MAX);
}

static enum status check_default_room(struct draft *draft)
{
    uint64_t count = 0;
    enum status status = store_count(draft->txn, TABLE_SCOPE_DEFAULT, &count);
    if (status != STATUS_OK || count < ACCOUNT_SCOPES_PER_KEY_MAX)
        return status;
    return status_fail(&draft->command->failure, STATUS_RESOURCE_EXHAUSTED, "put_scope.is_default",
                       "%d scopes are marked as default already, as many as a key may hold: take the mark from one of "
                       "them first, with: postern scope update NAME --no-default",
                       ACCOUNT_SCOPES_PER_KEY_MAX);
}

static enum status check_scope(struct draft *draft, const struct registry_scope *scope,
                               const struct registry_scope *before)
{
    enum status status = check_name(draft, scope->name);
    for (size_t i = 0; i < scope->implies_count && status == STATUS_OK; i++)
        status = check_implied(draft, scope, i);
    if (status == STATUS_OK && before->version == 0)
        status = check_catalogue_room(draft);
    if (status == STATUS_OK && scope->is_default && !before->is_default)
        status = check_default_room(draft);
    if (status == STATUS_OK && before->public_safe && !scope->public_safe)
        status = check_unused(draft, scope->name, "put_scope.public_safe");
    return status;
}

// --- the deciders

enum status decide_put_scope(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_scope before = {.name = command->ask.put_scope.name};
    enum status status = registry_find_scope(draft->txn, before.name, command->arena, &before);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    struct registry_scope scope = before;
    decide_set_masked(draft, REGISTRY_SCOPE, &command->ask.put_scope, &scope);
    status = decide_version(draft, "put_scope.if_version", before.version);
    if (status == STATUS_OK)
        status = check_scope(draft, &scope, &before);
    if (status != STATUS_OK)
        return status;
    scope.version = draft->seq;
    draft->images[0] = (struct image){.kind = REGISTRY_SCOPE, .of.scope = scope};
    draft->image_count = 1;
    command->result.scope = scope;
    return STATUS_OK;
}

static enum status find_scope(struct draft *draft, struct registry_scope *out)
{
    struct registry_command *command = draft->command;
    struct slice name = command->ask.delete_named.name;
    enum status status = registry_find_scope(draft->txn, name, command->arena, out);
    if (status != STATUS_NOT_FOUND)
        return status;
    if (account_scope_is_reserved(name) || account_scope_is_builtin(name))
        return status_fail(&command->failure, status, "delete_scope.scope",
                           "\"%.*s\" is always there, in no catalogue, and cannot be changed or deleted: see what it "
                           "does with: postern scope get %.*s",
                           SLICE_ARGS(name), SLICE_ARGS(name));
    return status_fail(&command->failure, status, "delete_scope.scope",
                       "there is no scope \"%.*s\" in the catalogue: see which there are with: postern scope list",
                       SLICE_ARGS(name));
}

// Keys that have the scope keep it; from now on it covers its own name and nothing else.
enum status decide_delete_scope(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_scope scope;
    enum status status = find_scope(draft, &scope);
    if (status == STATUS_OK)
        status = decide_version(draft, "delete_scope.if_version", scope.version);
    if (status == STATUS_OK && scope.public_safe)
        status = check_unused(draft, scope.name, "delete_scope.scope");
    if (status != STATUS_OK)
        return status;
    scope.version = draft->seq;
    draft->images[0] = (struct image){.kind = REGISTRY_SCOPE, .removed = true, .of.scope = scope};
    draft->image_count = 1;
    command->result.scope = scope;
    return STATUS_OK;
}
