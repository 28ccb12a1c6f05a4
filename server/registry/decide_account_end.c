// REVOKE_ALL and DELETE_ACCOUNT: what ends every key of an account without touching one.
#include "registry/decide_key.h"

#include <inttypes.h>

static enum status find_account(struct decision *decision, struct slice id, const char *field)
{
    struct registry_command *command = decision->command;
    enum status status = registry_find_account(decision->txn, id, command->arena, &command->result.account);
    if (status != STATUS_NOT_FOUND)
        return status;
    return status_fail(&command->note, status, field,
                       "there is no account \"%.*s\": look it up with: postern account list", SLICE_ARGS(id));
}

// --- revoke_all

enum status decide_revoke_all_authority(struct decision *decision)
{
    return decide_operator_only(decision, "revoke_all");
}

// Keys that are yet to be made cannot be revoked.
static enum status check_moment(struct decision *decision)
{
    uint64_t before_ms = decision->command->ask.revoke_all.created_before_ms;
    if (before_ms <= decision->now_ms)
        return STATUS_OK;
    return status_fail(&decision->command->note, STATUS_INVALID_ARGUMENT, "revoke_all.created_before_ms",
                       "%" PRIu64 " is in the future (now is %" PRIu64 "): give an earlier time in Unix milliseconds, "
                       "or 0 for now",
                       before_ms, decision->now_ms);
}

enum status decide_revoke_all(struct decision *decision)
{
    const struct registry_revoke_all *ask = &decision->command->ask.revoke_all;
    struct registry_account *account = &decision->command->result.account;
    uint64_t before_ms = ask->created_before_ms != 0 ? ask->created_before_ms : decision->now_ms;
    enum status status = find_account(decision, ask->account, "revoke_all.account");
    if (status == STATUS_OK)
        status = check_moment(decision);
    if (status != STATUS_OK || before_ms <= account->revoked_before_ms)
        return status; // final: what was revoked stays so
    account->revoked_before_ms = before_ms;
    account->revoke_reason = ask->reason;
    account->version = decision->seq;
    decision->images[decision->image_count++] = (struct image){.kind = IMAGE_ACCOUNT, .of.account = *account};
    return STATUS_OK;
}

// --- delete_account

enum status decide_delete_account_authority(struct decision *decision)
{
    return decide_operator_only(decision, "delete_account");
}

static enum status check_no_live_key(struct decision *decision, const struct registry_account *account)
{
    uint64_t count = 0;
    enum status status = decide_count_live(decision, account, 1, &count);
    if (status != STATUS_OK || count == 0)
        return status;
    return status_fail(&decision->command->note, STATUS_FAILED_PRECONDITION, "delete_account.account",
                       "the account \"%.*s\" has keys that are neither revoked nor expired: revoke them first, with: "
                       "postern account revoke-all %.*s",
                       SLICE_ARGS(account->id), SLICE_ARGS(account->id));
}

// What has to stay for its keys to stay revoked.
static struct registry_account remains_of(const struct decision *decision, const struct registry_account *account)
{
    return (struct registry_account){.id = account->id,
                                     .created_at_ms = account->created_at_ms,
                                     .revoked_before_ms = decision->now_ms,
                                     .revoke_reason = slice_text("account deleted"),
                                     .deleted = true,
                                     .version = decision->seq};
}

enum status decide_delete_account(struct decision *decision)
{
    struct registry_command *command = decision->command;
    struct registry_account *account = &command->result.account;
    struct slice id = command->ask.delete_named.name;
    enum status status = decide_not_reserved(decision, id, "delete_account.account");
    if (status == STATUS_OK)
        status = find_account(decision, id, "delete_account.account");
    if (status == STATUS_OK)
        status = decide_version(decision, "delete_account.if_version", account->version);
    if (status == STATUS_OK)
        status = check_no_live_key(decision, account);
    if (status != STATUS_OK)
        return status;
    struct registry_account remains = remains_of(decision, account);
    decision->images[decision->image_count++] = (struct image){.kind = IMAGE_ACCOUNT, .of.account = remains};
    account->version = decision->seq;
    return STATUS_OK;
}
