// Decides what the caller of a command may do, in this transaction: its key may have been revoked since the handler
// looked at it. Operators may do all; an account-admin only within its own account, and it passes on no scope,
// environment or limit beyond those of its own key. Every decider also asks here for the version that the caller
// expects.
#include "registry/decide/key.h"

#include <inttypes.h>

// --- the credential

static enum status refuse_credential(struct draft *draft, const char *what)
{
    return status_fail(&draft->command->failure, STATUS_UNAUTHENTICATED, "credential",
                       "the credential's key is %s by now: use another one", what);
}

enum status decide_caller(struct draft *draft)
{
    const struct registry_key *shown = draft->command->caller.key;
    struct registry_key *key = &draft->caller_key;
    struct registry_account account;
    if (shown == NULL)
        return STATUS_OK;
    enum status status = registry_find_key(draft->txn, shown->id, draft->registry->scratch, key);
    if (status == STATUS_OK)
        status = registry_find_owner(draft->txn, key->account, draft->registry->scratch, &account);
    if (status == STATUS_NOT_FOUND)
        return refuse_credential(draft, "unknown");
    if (status != STATUS_OK)
        return status;
    enum key_state state = key_state(&key->facts, account.revoked_before_ms, draft->now_ms);
    if (key->deleted || (state != KEY_STATE_ACTIVE && state != KEY_STATE_ROLLING))
        return refuse_credential(draft, key_state_name(state));
    return account.suspended ? refuse_credential(draft, "of a suspended account") : STATUS_OK;
}

// --- what every decider may ask

bool decide_may_touch(const struct registry_caller *caller, struct slice account)
{
    return caller->is_operator || (caller->account.size > 0 && slice_equal(caller->account, account));
}

enum status decide_version(struct draft *draft, const char *field, uint64_t version)
{
    uint64_t wanted = draft->command->if_version;
    if (wanted == 0 || wanted == version)
        return STATUS_OK;
    if (version == 0)
        return status_fail(&draft->command->failure, STATUS_ABORTED, field,
                           "there is no such record, but if_version asks for version %" PRIu64
                           ": send if_version 0 to make it",
                           wanted);
    return status_fail(&draft->command->failure, STATUS_ABORTED, field,
                       "the record has version %" PRIu64 ", not %" PRIu64 ": read it again, then repeat the change",
                       version, wanted);
}

// --- environment and limits

static enum status check_environment(struct draft *draft, const struct registry_key *key, const char *field)
{
    if (draft->caller_key.environment == KEY_ENVIRONMENT_LIVE || key->environment == KEY_ENVIRONMENT_TEST)
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_PERMISSION_DENIED, field,
                       "a live key is beyond your own key, which is a test key: ask an operator, or use a live key as "
                       "credential");
}

// Returns the most that can be spent at one moment.
static uint64_t peak(const struct limit *limit)
{
    return limit->algorithm == LIMIT_TOKEN_BUCKET ? limit->burst : limit->amount;
}

static bool is_bounded_by(const struct registry_key *key, const struct limit *own)
{
    for (size_t i = 0; i < key->limit_count; i++) {
        const struct limit *limit = &key->limits[i];
        if (limit_same_window(limit, own))
            return limit->amount <= own->amount && peak(limit) <= peak(own);
    }
    return false;
}

static enum status check_limits(struct draft *draft, const struct registry_key *key, const char *field)
{
    const struct registry_key *own = &draft->caller_key;
    char text[LIMIT_TEXT_MAX + 1];
    for (size_t i = 0; i < own->limit_count; i++) {
        if (own->limits[i].unlimited || is_bounded_by(key, &own->limits[i]))
            continue;
        limit_format(&own->limits[i], text);
        return status_fail(&draft->command->failure, STATUS_PERMISSION_DENIED, field,
                           "your own key has the limit %s, and this key would go beyond it: give it that limit or a "
                           "smaller one, or ask an operator",
                           text);
    }
    return STATUS_OK;
}

enum status decide_within_caller(struct draft *draft, const struct registry_key *key,
                                 const struct decide_fields *fields)
{
    const struct registry_caller *caller = &draft->command->caller;
    if (caller->is_operator)
        return STATUS_OK;
    if (caller->key == NULL)
        return status_fail(&draft->command->failure, STATUS_PERMISSION_DENIED, fields->account,
                           "an account-admin makes and changes keys with a credential only: send one that has the "
                           "scope postern:account-admin");
    enum status status = check_environment(draft, key, fields->environment);
    if (status == STATUS_OK)
        status = decide_grants_within(draft, key, fields->scopes);
    if (status == STATUS_OK)
        status = check_limits(draft, key, fields->limits);
    return status;
}
