// Decides what the caller of a command may do, in this transaction: its key may have been revoked since the handler
// looked at it. Operators may do all; an account-admin only within its own account, and what it makes or changes never
// outlives, out-reaches or out-spends its own key: scopes, environment, addresses, limits and expiry are within those.
// Every decider also asks here for the version that the caller expects, and for what the command's mask names.
#include "base/text.h"
#include "record/record.h"
#include "registry/decide/key.h"

#include <inttypes.h>
#include <string.h>

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
        status = registry_find_any_account(draft->txn, key->account, draft->registry->scratch, &account);
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

enum status decide_not_own(struct draft *draft, const struct registry_key *key, const char *field, const char *verb)
{
    const struct registry_caller *caller = &draft->command->caller;
    bool is_own = caller->key != NULL && memcmp(caller->key->id, key->id, KEY_ID_SIZE) == 0;
    if (caller->is_operator || !is_own)
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_PERMISSION_DENIED, field,
                       "this is the key that you call with, which cannot be %s by itself: roll it, revoke it, or ask "
                       "an operator",
                       verb);
}

enum status decide_version(struct draft *draft, const char *field, uint64_t version)
{
    uint64_t wanted = draft->command->if_version;
    if (wanted == 0 || wanted == version)
        return STATUS_OK;
    if (version == 0)
        return status_fail(&draft->command->failure, STATUS_ABORTED, field,
                           "there is no such record, but if_version asks for version %" PRIu64
                           ": leave if_version out to make it",
                           wanted);
    return status_fail(&draft->command->failure, STATUS_ABORTED, field,
                       "the record has version %" PRIu64 ", not %" PRIu64 ": read it again, then repeat the change",
                       version, wanted);
}

// --- environment, expiry, addresses and limits

static enum status check_environment(struct draft *draft, const struct registry_key *key, const char *field)
{
    if (draft->caller_key.environment == KEY_ENVIRONMENT_LIVE || key->environment == KEY_ENVIRONMENT_TEST)
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_PERMISSION_DENIED, field,
                       "a live key is beyond your own key, which is a test key: ask an operator, or use a live key as "
                       "credential");
}

static enum status check_own_expiry(struct draft *draft, const struct registry_key *key, const char *field)
{
    uint64_t own_ms = draft->caller_key.facts.expires_at_ms;
    char text[TEXT_TIME_SIZE];
    if (own_ms == 0 || (key->facts.expires_at_ms != 0 && key->facts.expires_at_ms <= own_ms))
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_PERMISSION_DENIED, field,
                       "your own key expires at %s, and this key would outlive it: let it expire then or earlier, or "
                       "ask an operator",
                       text_format_moment(own_ms, text));
}

static bool is_reachable(const struct registry_key *own, struct slice network)
{
    size_t i = 0;
    while (i < own->address_count && !key_network_covers(own->addresses[i], network))
        i++;
    return i < own->address_count;
}

// A key without addresses may be used from anywhere.
static enum status check_addresses(struct draft *draft, const struct registry_key *key, const char *field)
{
    const struct registry_key *own = &draft->caller_key;
    size_t i = 0;
    if (own->address_count == 0)
        return STATUS_OK;
    while (i < key->address_count && is_reachable(own, key->addresses[i]))
        i++;
    if (key->address_count > 0 && i == key->address_count)
        return STATUS_OK;
    struct slice beyond = key->address_count > 0 ? key->addresses[i] : slice_text("anywhere");
    return status_fail(&draft->command->failure, STATUS_PERMISSION_DENIED, field,
                       "your own key may be used from its addresses only, and this one could be used from %.*s: give "
                       "it addresses within yours, or ask an operator",
                       SLICE_ARGS(beyond));
}

static bool is_bounded_by(const struct registry_key *key, const struct limit *own)
{
    for (size_t i = 0; i < key->limit_count; i++) {
        const struct limit *limit = &key->limits[i];
        if (limit_is_within(limit, own))
            return true;
    }
    return false;
}

static enum status check_limits(struct draft *draft, const struct registry_key *key, const char *field)
{
    const struct registry_key *own = &draft->caller_key;
    char text[LIMIT_TEXT_MAX + 1];
    for (size_t i = 0; i < own->limit_count; i++) {
        if (own->limits[i].unlimited || own->limits[i].shadow || is_bounded_by(key, &own->limits[i]))
            continue;
        limit_format(&own->limits[i], text);
        return status_fail(&draft->command->failure, STATUS_PERMISSION_DENIED, field,
                           "your own key has the limit %s, and this key would go beyond it: give it that limit or a "
                           "smaller one of the same window and algorithm, or ask an operator",
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
        status = check_own_expiry(draft, key, fields->expires_at);
    if (status == STATUS_OK)
        status = check_addresses(draft, key, fields->addresses);
    if (status == STATUS_OK)
        status = decide_grants_within(draft, key, fields->scopes);
    if (status == STATUS_OK)
        status = check_limits(draft, key, fields->limits);
    return status;
}

// --- the mask: only what a command names is set

bool decide_mask_names(const struct registry_command *command, const char *field)
{
    size_t i = 0;
    while (i < command->mask_count && !slice_equal(command->mask[i], slice_text(field)))
        i++;
    return i < command->mask_count;
}

void decide_set_masked(const struct draft *draft, enum registry_record_kind kind, const void *asked, void *record)
{
    const struct registry_command *command = draft->command;
    const struct record_schema *schema = registry_schema(kind);
    if (command->mask_count == 0)
        memcpy(record, asked, schema->size);
    for (size_t i = 0; i < command->mask_count; i++)
        record_copy_field(schema, command->mask[i], asked, record);
}
