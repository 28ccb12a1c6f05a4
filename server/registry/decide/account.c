// PUT_ACCOUNT makes an account or changes its settings; a new one gets a public key. REVOKE_ALL and DELETE_ACCOUNT end
// every key of an account without touching one: the account's record says before which moment all its keys are revoked,
// and a deleted account leaves that moment behind. Its id may then be taken by another account, which has a life of its
// own.
#include "registry/decide/key.h"

#include "base/text.h"

// FAILED_PRECONDITION for the operators' own account.
static enum status check_not_reserved(struct draft *draft, struct slice id, const char *field)
{
    if (!account_id_is_reserved(id))
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_FAILED_PRECONDITION, field,
                       "the account postern is for the operators' own keys and cannot be set up or deleted: it comes "
                       "with its first key, with: postern create --account postern --scope postern:operator");
}

static bool is_new(const struct registry_account *before)
{
    return before->version == 0 || before->deleted;
}

// The mask's "environments" are two fields here. Without a mask a suspension stays: a caller that knows nothing of it
// does not lift it.
static void set_settings(const struct draft *draft, const struct registry_account *before,
                         struct registry_account *account)
{
    const struct registry_account *asked = &draft->command->ask.put_account;
    decide_set_masked(draft, REGISTRY_ACCOUNT, asked, account);
    if (decide_mask_names(draft->command, "environments")) {
        account->allows_test = asked->allows_test;
        account->allows_live = asked->allows_live;
    }
    if (draft->command->mask_count == 0) {
        account->suspended = account->suspended || before->suspended;
        account->tier = asked->tier.size > 0 ? asked->tier : before->tier;
    }
}

// Makes the account that was asked for, with the members that an existing account keeps. Of a deleted account there
// stays only the moment of its keys' revocation: the account that takes its id begins another life, behind that moment.
static struct registry_account asked_account(const struct draft *draft, const struct registry_account *before)
{
    struct registry_account fresh = {.id = draft->command->ask.put_account.id};
    struct registry_account base = is_new(before) ? fresh : *before;
    struct registry_account account = base;
    set_settings(draft, &base, &account);
    account.allows_test = account.allows_test || !account.allows_live;
    account.max_keys = account.max_keys > 0 ? account.max_keys : ACCOUNT_DEFAULT_MAX_KEYS;
    account.created_at_ms = is_new(before) ? decide_created_at(draft, before) : before->created_at_ms;
    account.life = is_new(before) ? draft->seq : before->life;
    account.revoked_before_ms = before->revoked_before_ms;
    account.revoke_reason = base.revoke_reason;
    account.meter_resets = base.meter_resets;
    account.deleted = false;
    account.version = draft->seq;
    return account;
}

// A command that asks for nothing but a suspension needs an account that exists: its name may be misspelt.
static enum status check_there(struct draft *draft, const struct registry_account *before)
{
    const struct registry_command *command = draft->command;
    if (!is_new(before) || command->mask_count != 1 || !decide_mask_names(command, "suspended"))
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_NOT_FOUND, "put_account.account",
                       "there is no account \"%.*s\": look it up with: postern account list",
                       SLICE_ARGS(command->ask.put_account.id));
}

// A new account takes the default tier, unless it asks for none by the mask; where there is none it has no tier, and so
// no limits of one.
static enum status resolve_tier(struct draft *draft, struct registry_account *account, bool takes_default)
{
    struct registry_command *command = draft->command;
    struct registry_tier tier;
    enum status status = STATUS_OK;
    if (account->tier.size == 0 && takes_default)
        status = decide_default_tier(draft, &account->tier);
    if (status != STATUS_OK || account->tier.size == 0)
        return status;
    status = registry_find_tier(draft->txn, account->tier, command->arena, &tier);
    if (status != STATUS_NOT_FOUND)
        return status;
    return status_fail(&command->failure, STATUS_NOT_FOUND, "put_account.tier",
                       "there is no tier \"%.*s\": make it with: postern tier put %.*s --limit requests=60/min",
                       SLICE_ARGS(account->tier), SLICE_ARGS(account->tier));
}

// Adds a public key with the catalogue's default scopes only; a test key where the account allows that.
static enum status add_default_key(struct draft *draft, const struct registry_account *account)
{
    struct registry_result *result = &draft->command->result;
    struct registry_key *key = &result->default_public_key;
    struct slice token;
    *key = (struct registry_key){
        .account = account->id,
        .name = slice_text("Default public key"),
        .type = KEY_TYPE_PUBLIC,
        .environment = account->allows_test ? KEY_ENVIRONMENT_TEST : KEY_ENVIRONMENT_LIVE,
    };
    enum status status = decide_default_scopes(draft, key);
    if (status == STATUS_OK)
        status = decide_make_key(draft, account, key, &token);
    if (status != STATUS_OK)
        return status;
    result->has_default_public_key = true;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_KEY, .of.key = *key};
    return STATUS_OK;
}

static enum status find_before(struct draft *draft, struct registry_account *before)
{
    struct slice id = draft->command->ask.put_account.id;
    *before = (struct registry_account){.version = 0};
    enum status status = registry_find_any_account(draft->txn, id, draft->command->arena, before);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    return decide_version(draft, "put_account.if_version", before->deleted ? 0 : before->version);
}

enum status decide_put_account(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_account before;
    enum status status = check_not_reserved(draft, command->ask.put_account.id, "put_account.account");
    if (status == STATUS_OK)
        status = find_before(draft, &before);
    if (status == STATUS_OK)
        status = check_there(draft, &before);
    if (status != STATUS_OK)
        return status;
    struct registry_account account = asked_account(draft, &before);
    status = resolve_tier(draft, &account, is_new(&before) && !decide_mask_names(command, "tier"));
    if (status != STATUS_OK)
        return status;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_ACCOUNT, .of.account = account};
    command->result.account = account;
    return is_new(&before) && !account.no_default_public_key ? add_default_key(draft, &account) : STATUS_OK;
}

// --- what ends every key of an account without touching one

static enum status find_account(struct draft *draft, struct slice id, const char *field)
{
    struct registry_command *command = draft->command;
    enum status status = registry_find_account(draft->txn, id, command->arena, &command->result.account);
    if (status != STATUS_NOT_FOUND)
        return status;
    return status_fail(&command->failure, status, field,
                       "there is no account \"%.*s\": look it up with: postern account list", SLICE_ARGS(id));
}

// --- revoke_all

// Future keys cannot be revoked.
static enum status check_moment(struct draft *draft)
{
    uint64_t before_ms = draft->command->ask.revoke_all.created_before_ms;
    if (before_ms <= draft->now_ms)
        return STATUS_OK;
    char before[TEXT_TIME_SIZE], now[TEXT_TIME_SIZE];
    return status_fail(&draft->command->failure, STATUS_INVALID_ARGUMENT, "revoke_all.created_before_ms",
                       "%s is in the future (now is %s): give an earlier time, or none for now",
                       text_format_moment(before_ms, before), text_format_moment(draft->now_ms, now));
}

enum status decide_revoke_all(struct draft *draft)
{
    const struct registry_revoke_all *ask = &draft->command->ask.revoke_all;
    struct registry_account *account = &draft->command->result.account;
    uint64_t before_ms = ask->created_before_ms != 0 ? ask->created_before_ms : draft->now_ms;
    enum status status = find_account(draft, ask->account, "revoke_all.account");
    if (status == STATUS_OK)
        status = check_moment(draft);
    if (status != STATUS_OK || before_ms <= account->revoked_before_ms)
        return status; // revocation is final: an earlier moment changes nothing
    account->revoked_before_ms = before_ms;
    account->revoke_reason = ask->reason;
    account->version = draft->seq;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_ACCOUNT, .of.account = *account};
    return STATUS_OK;
}

// --- delete_account

static enum status check_no_live_key(struct draft *draft, const struct registry_account *account)
{
    uint64_t count = 0;
    enum status status = decide_count_live(draft, account, 1, &count);
    if (status != STATUS_OK || count == 0)
        return status;
    return status_fail(&draft->command->failure, STATUS_FAILED_PRECONDITION, "delete_account.account",
                       "the account \"%.*s\" has keys that are neither revoked nor expired: revoke them first, with: "
                       "postern account revoke-all %.*s",
                       SLICE_ARGS(account->id), SLICE_ARGS(account->id));
}

// Returns the part of the account that keeps its keys revoked: the moment is not before that of any of them.
static struct registry_account remains_of(const struct draft *draft, const struct registry_account *account)
{
    return (struct registry_account){.id = account->id,
                                     .created_at_ms = account->created_at_ms,
                                     .revoked_before_ms = decide_created_at(draft, account),
                                     .revoke_reason = slice_text("account deleted"),
                                     .deleted = true,
                                     .life = account->life,
                                     .version = draft->seq};
}

enum status decide_delete_account(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct registry_account *account = &command->result.account;
    struct slice id = command->ask.delete_named.name;
    enum status status = check_not_reserved(draft, id, "delete_account.account");
    if (status == STATUS_OK)
        status = find_account(draft, id, "delete_account.account");
    if (status == STATUS_OK)
        status = decide_version(draft, "delete_account.if_version", account->version);
    if (status == STATUS_OK)
        status = check_no_live_key(draft, account);
    if (status != STATUS_OK)
        return status;
    struct registry_account remains = remains_of(draft, account);
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_ACCOUNT, .of.account = remains};
    account->version = draft->seq;
    return STATUS_OK;
}
