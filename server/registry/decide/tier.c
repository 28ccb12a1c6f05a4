// PUT_TIER makes or replaces a tier, DELETE_TIER removes one that no account has. At most one tier has the mark
// "default"; a tier that gets it takes it from the one before, in the same change.
#include "registry/decide/decide.h"
#include "registry/pack/pack.h"
#include "registry/table.h"

enum status decide_default_tier(struct draft *draft, struct slice *name)
{
    struct slice value;
    *name = slice_empty();
    enum status status = store_get(draft->txn, TABLE_META, table_meta_default_tier(), &value);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    return arena_copy(draft->command->arena, value, name) ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

// Takes the mark from the tier that has it, if that is another one.
static enum status unmark_default(struct draft *draft, struct slice taker)
{
    struct slice name;
    struct registry_tier tier;
    enum status status = decide_default_tier(draft, &name);
    if (status != STATUS_OK || name.size == 0 || slice_equal(name, taker))
        return status;
    status = registry_find_tier(draft->txn, name, draft->command->arena, &tier);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
    tier.is_default = false;
    tier.version = draft->seq;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_TIER, .of.tier = tier};
    return STATUS_OK;
}

enum status decide_put_tier(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_tier tier = {.name = command->ask.put_tier.name};
    enum status status = registry_find_tier(draft->txn, tier.name, command->arena, &tier);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    status = decide_version(draft, "put_tier.if_version", tier.version);
    decide_set_masked(draft, REGISTRY_TIER, &command->ask.put_tier, &tier);
    if (status == STATUS_OK && tier.is_default)
        status = unmark_default(draft, tier.name);
    if (status != STATUS_OK)
        return status;
    tier.version = draft->seq;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_TIER, .of.tier = tier};
    command->result.tier = tier;
    return STATUS_OK;
}

// --- delete

static enum status walk_for_user(struct draft *draft, struct slice tier, struct arena *arena,
                                 struct registry_account *user)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    enum status status = store_cursor_open_at(draft->txn, TABLE_ACCOUNT, slice_empty(), &cursor, &key, &value);
    while (status == STATUS_OK) {
        arena_reset(arena);
        status = unpack_account(value, arena, user);
        if (status != STATUS_OK || slice_equal(user->tier, tier)) // a deleted account has no tier
            break;
        status = store_cursor_next(cursor, &key, &value);
    }
    store_cursor_close(cursor);
    return status;
}

// FAILED_PRECONDITION with the first account that has the tier.
static enum status check_unused(struct draft *draft, struct slice tier)
{
    struct registry_account user;
    struct arena *arena = arena_new(STATE_RECORD_BYTES);
    enum status status = arena != NULL ? walk_for_user(draft, tier, arena, &user) : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_OK)
        status = status_fail(&draft->command->failure, STATUS_FAILED_PRECONDITION, "delete_tier.tier",
                             "the account \"%.*s\" is on the tier \"%.*s\": give it and all others another one first, "
                             "with: postern account update %.*s --tier NAME",
                             SLICE_ARGS(user.id), SLICE_ARGS(tier), SLICE_ARGS(user.id));
    arena_free(arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status decide_delete_tier(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_tier *tier = &command->result.tier;
    struct slice name = command->ask.delete_named.name;
    enum status status = registry_find_tier(draft->txn, name, command->arena, tier);
    if (status == STATUS_NOT_FOUND)
        return status_fail(&command->failure, status, "delete_tier.tier",
                           "there is no tier \"%.*s\": look it up with: postern tier list", SLICE_ARGS(name));
    if (status == STATUS_OK)
        status = decide_version(draft, "delete_tier.if_version", tier->version);
    if (status == STATUS_OK)
        status = check_unused(draft, name);
    if (status != STATUS_OK)
        return status;
    tier->version = draft->seq;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_TIER, .removed = true, .of.tier = *tier};
    return STATUS_OK;
}
