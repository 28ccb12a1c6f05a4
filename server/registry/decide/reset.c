// RESET_METERS lets the meters of an account for one resource begin as if nothing was spent; with a key also those of
// the key's own limits.
//
// The problem: what was spent is in memory and in another store, and yet a reset must be on disk before its answer,
// once, and in the audit chain. So no meter is touched: the record of the account (and of the key) notes the change
// that reset the resource, and from its commit on decisions count on meters of another name (registry/stored.c).
#include "registry/decide/key.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    RESET_RESOURCES_MAX = 16,
    RESET_TEXT_MAX = RESET_RESOURCES_MAX * (LIMIT_RESOURCE_MAX + 22)
}; // "=", 20 digits, " "

static const char account_field[] = "reset_meters.account", key_field[] = "reset_meters.key_id";

// --- authority

static bool may_reset(const struct registry_key *caller)
{
    for (size_t i = 0; i < caller->scope_count; i++)
        if (slice_equal(caller->scopes[i], slice_text("postern:meter-reset")))
            return true;
    return false;
}

static enum status refuse_account(struct draft *draft)
{
    return status_fail(&draft->command->failure, STATUS_NOT_FOUND, account_field,
                       "there is no account \"%.*s\": look it up with: postern account list",
                       SLICE_ARGS(draft->command->ask.reset_meters.account));
}

enum status decide_reset_authority(struct draft *draft)
{
    struct registry_command *command = draft->command;
    const struct registry_reset_meters *ask = &command->ask.reset_meters;
    if (!command->caller.is_operator && (command->caller.key == NULL || !may_reset(&draft->caller_key)))
        return status_fail(&command->failure, STATUS_PERMISSION_DENIED, NULL,
                           "reset_meters takes the scope postern:meter-reset beside postern:account-admin: ask an "
                           "operator to grant it, or to reset the meters");
    if (ask->by_key)
        return decide_find_key(draft, ask->key_id, key_field, &command->result.key);
    return decide_may_touch(&command->caller, ask->account) ? STATUS_OK : refuse_account(draft);
}

// --- what is reset

static bool declares(const struct limit *limits, size_t count, struct slice resource)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal(limits[i].resource, resource))
            return true;
    return false;
}

// A typing error must not look like a reset.
static enum status check_declared(struct draft *draft)
{
    struct registry_command *command = draft->command;
    const struct registry_account *account = &command->result.account;
    const struct registry_key *key = &command->result.key;
    struct slice resource = command->ask.reset_meters.resource;
    struct registry_tier tier = {0};
    enum status status = STATUS_OK;
    if (account->tier.size > 0)
        status = registry_find_tier(draft->txn, account->tier, command->arena, &tier);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
    if (declares(tier.limits, tier.limit_count, resource) ||
        declares(account->limits, account->limit_count, resource) ||
        (command->ask.reset_meters.by_key && declares(key->limits, key->limit_count, resource)))
        return STATUS_OK;
    return status_fail(&command->failure, STATUS_NOT_FOUND, "reset_meters.resource",
                       "no limit that applies declares the resource \"%.*s\": see which are counted with: postern "
                       "ratecheck --account %.*s --peek",
                       SLICE_ARGS(resource), SLICE_ARGS(account->id));
}

static size_t count_others(struct slice resets, struct slice resource)
{
    size_t count = 0;
    struct slice other, seq;
    while (registry_reset_next(&resets, &other, &seq))
        count += !slice_equal(other, resource);
    return count;
}

// Notes this change as the last one that reset the resource; other resources stay.
static enum status note_reset(struct draft *draft, struct slice *resets)
{
    struct registry_command *command = draft->command;
    struct slice resource = command->ask.reset_meters.resource, rest = *resets, other, seq;
    size_t size = 0, room = RESET_TEXT_MAX + 1;
    if (count_others(rest, resource) >= RESET_RESOURCES_MAX)
        return status_fail(&command->failure, STATUS_RESOURCE_EXHAUSTED, "reset_meters.resource",
                           "%d resources were reset here already: raise the limit instead", RESET_RESOURCES_MAX);
    char *text = arena_alloc(command->arena, room);
    if (text == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    while (registry_reset_next(&rest, &other, &seq))
        if (!slice_equal(other, resource))
            size += (size_t)snprintf(text + size, room - size, "%.*s=%.*s ", SLICE_ARGS(other), SLICE_ARGS(seq));
    size += (size_t)snprintf(text + size, room - size, "%.*s=%" PRIu64, SLICE_ARGS(resource), draft->seq);
    *resets = slice_make((const uint8_t *)text, size);
    return STATUS_OK;
}

static enum status find_subject(struct draft *draft)
{
    struct registry_command *command = draft->command;
    const struct registry_reset_meters *ask = &command->ask.reset_meters;
    struct registry_account *account = &command->result.account;
    const struct registry_key *key = &command->result.key;
    if (!ask->by_key) {
        enum status status = registry_find_account(draft->txn, ask->account, command->arena, account);
        return status == STATUS_NOT_FOUND ? refuse_account(draft) : status;
    }
    enum status status = decide_find_owner(draft, key, account);
    bool is_there = !key->deleted && !account->deleted && registry_is_of_life(account, key);
    return status != STATUS_OK || is_there ? status : decide_unknown_key(draft, ask->key_id, key_field);
}

static enum status reset_key(struct draft *draft)
{
    struct registry_key *key = &draft->command->result.key;
    if (!draft->command->ask.reset_meters.by_key ||
        !declares(key->limits, key->limit_count, draft->command->ask.reset_meters.resource))
        return STATUS_OK;
    key->version = draft->seq;
    draft->images[draft->image_count] = (struct image){.kind = REGISTRY_KEY, .of.key = *key};
    return note_reset(draft, &draft->images[draft->image_count++].of.key.meter_resets);
}

enum status decide_reset_meters(struct draft *draft)
{
    struct registry_account *account = &draft->command->result.account;
    enum status status = find_subject(draft);
    if (status == STATUS_OK)
        status = check_declared(draft);
    if (status == STATUS_OK)
        status = note_reset(draft, &account->meter_resets);
    if (status != STATUS_OK)
        return status;
    account->version = draft->seq;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_ACCOUNT, .of.account = *account};
    return reset_key(draft);
}
