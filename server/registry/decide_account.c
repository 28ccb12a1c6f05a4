// PUT_ACCOUNT and PUT_TIER: made anew, or replaced as a whole.
#include "registry/decide.h"
#include "registry/table.h"

// OK with an empty name when no tier has the mark.
static enum status default_tier(struct decision *decision, struct slice *name)
{
    struct slice value;
    *name = slice_empty();
    enum status status = store_get(decision->txn, TABLE_META, table_meta_default_tier(), &value);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    return arena_copy(decision->command->arena, value, name) ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

// --- account

enum status decide_put_account_authority(struct decision *decision)
{
    return decide_operator_only(decision, "put_account");
}

// What was asked, on top of what stays from an account that exists (else all of `before` is 0).
static struct registry_account asked_account(const struct decision *decision, const struct registry_account *before)
{
    struct registry_account account = decision->command->ask.put_account.account;
    account.allows_test = account.allows_test || !account.allows_live;
    account.max_keys = account.max_keys > 0 ? account.max_keys : ACCOUNT_DEFAULT_MAX_KEYS;
    account.tier = account.tier.size > 0 ? account.tier : before->tier;
    account.created_at_ms = before->version > 0 ? before->created_at_ms : decision->now_ms;
    account.revoked_before_ms = before->revoked_before_ms;
    account.version = decision->seq;
    return account;
}

static enum status settle_tier(struct decision *decision, struct registry_account *account)
{
    struct registry_command *command = decision->command;
    struct registry_tier tier;
    enum status status = STATUS_OK;
    if (account->tier.size == 0)
        status = default_tier(decision, &account->tier);
    if (status != STATUS_OK)
        return status;
    if (account->tier.size == 0)
        return status_fail(&command->note, STATUS_FAILED_PRECONDITION, "put_account.tier",
                           "a new account needs a tier, and no tier is marked as default: name one, or make a default "
                           "with: postern tier put NAME --default");
    status = registry_find_tier(decision->txn, account->tier, command->arena, &tier);
    if (status != STATUS_NOT_FOUND)
        return status;
    return status_fail(&command->note, STATUS_NOT_FOUND, "put_account.tier",
                       "there is no tier \"%.*s\": make it with: postern tier put %.*s --limit requests=60/min",
                       SLICE_ARGS(account->tier), SLICE_ARGS(account->tier));
}

enum status decide_put_account(struct decision *decision)
{
    struct registry_command *command = decision->command;
    struct registry_account before = {.version = 0};
    enum status status =
        registry_find_account(decision->txn, command->ask.put_account.account.id, command->arena, &before);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    status = decide_version(decision, "put_account.if_version", before.version);
    if (status != STATUS_OK)
        return status;
    struct registry_account account = asked_account(decision, &before);
    status = settle_tier(decision, &account);
    if (status != STATUS_OK)
        return status;
    decision->images[0] = (struct image){.kind = IMAGE_ACCOUNT, .of.account = account};
    decision->image_count = 1;
    command->result.account = account;
    return STATUS_OK;
}

// --- tier

enum status decide_put_tier_authority(struct decision *decision)
{
    return decide_operator_only(decision, "put_tier");
}

// Takes the mark from the tier that has it, if that is another one.
static enum status unmark_default(struct decision *decision, struct slice taker)
{
    struct slice name;
    struct registry_tier tier;
    enum status status = default_tier(decision, &name);
    if (status != STATUS_OK || name.size == 0 || slice_equal(name, taker))
        return status;
    status = registry_find_tier(decision->txn, name, decision->command->arena, &tier);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
    tier.is_default = false;
    tier.version = decision->seq;
    decision->images[decision->image_count++] = (struct image){.kind = IMAGE_TIER, .of.tier = tier};
    return STATUS_OK;
}

enum status decide_put_tier(struct decision *decision)
{
    struct registry_command *command = decision->command;
    struct registry_tier before = {.version = 0};
    struct registry_tier tier = command->ask.put_tier.tier;
    enum status status = registry_find_tier(decision->txn, tier.name, command->arena, &before);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    status = decide_version(decision, "put_tier.if_version", before.version);
    if (status == STATUS_OK && tier.is_default)
        status = unmark_default(decision, tier.name);
    if (status != STATUS_OK)
        return status;
    tier.version = decision->seq;
    decision->images[decision->image_count++] = (struct image){.kind = IMAGE_TIER, .of.tier = tier};
    command->result.tier = tier;
    return STATUS_OK;
}
