// What a caller with a credential may do as of this transaction: its key may have changed since it was looked at, and
// an account-admin passes on nothing beyond what its own key has.
#include "registry/decide_key.h"

#include <inttypes.h>

enum { QUESTION_BYTES = 16 * 1024 * 1024 }; // a whole catalogue, and the walk through it

// --- the credential

static enum status refuse_credential(struct decision *decision, const char *what)
{
    return status_fail(&decision->command->note, STATUS_UNAUTHENTICATED, "credential",
                       "the credential's key is %s by now: use another one", what);
}

enum status decide_caller(struct decision *decision)
{
    const struct registry_key *shown = decision->command->caller.key;
    struct registry_key *key = &decision->caller_key;
    struct registry_account account;
    if (shown == NULL)
        return STATUS_OK;
    enum status status = registry_find_key(decision->txn, shown->id, decision->registry->scratch, key);
    if (status == STATUS_OK)
        status = registry_find_owner(decision->txn, key->account, decision->registry->scratch, &account);
    if (status == STATUS_NOT_FOUND)
        return refuse_credential(decision, "unknown");
    if (status != STATUS_OK)
        return status;
    enum key_state state = key_state(&key->facts, account.revoked_before_ms, decision->now_ms);
    if (key->deleted || (state != KEY_STATE_ACTIVE && state != KEY_STATE_ROLLING))
        return refuse_credential(decision, key_state_name(state));
    return account.suspended ? refuse_credential(decision, "of a suspended account") : STATUS_OK;
}

// --- scopes

struct catalogue {
    struct store_txn *txn;
    struct arena *arena;
};

static enum status find_implied(void *context, struct slice scope, struct slice *implies, size_t max, size_t *count)
{
    const struct catalogue *catalogue = context;
    struct registry_scope record;
    enum status status = registry_find_scope(catalogue->txn, scope, catalogue->arena, &record);
    if (status != STATUS_OK)
        return status;
    *count = record.implies_count;
    for (size_t i = 0; i < record.implies_count && i < max; i++)
        implies[i] = record.implies[i];
    return STATUS_OK;
}

// *beyond: the first scope that the caller's key does not cover; `count` when it covers all.
static enum status find_beyond(const struct decision *decision, const struct registry_key *key, struct arena *arena,
                               size_t *beyond)
{
    const struct registry_key *own = &decision->caller_key;
    struct catalogue catalogue = {.txn = decision->txn, .arena = arena};
    struct account_scope_source source = {.find = find_implied, .context = &catalogue, .arena = arena};
    struct account_grant_list outer = {.grants = own->scopes, .count = own->scope_count};
    struct account_grant_list inner = {.grants = key->scopes, .count = key->scope_count};
    bool within = true;
    *beyond = key->scope_count;
    enum status status = account_grants_within(&source, inner, outer, &within);
    for (size_t i = 0; status == STATUS_OK && !within && i < key->scope_count && *beyond == key->scope_count; i++) {
        bool covered = false;
        inner = (struct account_grant_list){.grants = &key->scopes[i], .count = 1};
        arena_reset(arena);
        status = account_grants_within(&source, inner, outer, &covered);
        if (!covered)
            *beyond = i;
    }
    return status;
}

static enum status check_scopes(struct decision *decision, const struct registry_key *key, const char *field)
{
    size_t beyond = 0;
    struct arena *arena = arena_new(QUESTION_BYTES);
    enum status status = arena != NULL ? find_beyond(decision, key, arena, &beyond) : STATUS_RESOURCE_EXHAUSTED;
    arena_free(arena);
    if (status != STATUS_OK || beyond == key->scope_count)
        return status;
    return status_fail(&decision->command->note, STATUS_PERMISSION_DENIED, field,
                       "the scope \"%.*s\", or one that it implies, is beyond those of your own key: leave it out, or "
                       "ask an operator",
                       SLICE_ARGS(key->scopes[beyond]));
}

// --- environment and limits

static enum status check_environment(struct decision *decision, const struct registry_key *key, const char *field)
{
    if (decision->caller_key.environment == KEY_ENVIRONMENT_LIVE || key->environment == KEY_ENVIRONMENT_TEST)
        return STATUS_OK;
    return status_fail(&decision->command->note, STATUS_PERMISSION_DENIED, field,
                       "a live key is beyond your own key, which is a test key: ask an operator, or use a live key as "
                       "credential");
}

// What can be spent at one moment.
static uint64_t peak(const struct limit *limit)
{
    return limit->algorithm == LIMIT_TOKEN_BUCKET ? limit->burst : limit->amount;
}

static bool is_bounded_by(const struct registry_key *key, const struct limit *own)
{
    for (size_t i = 0; i < key->limit_count; i++) {
        const struct limit *limit = &key->limits[i];
        if (!limit->unlimited && limit_same_window(limit, own))
            return limit->amount <= own->amount && peak(limit) <= peak(own);
    }
    return false;
}

static enum status check_limits(struct decision *decision, const struct registry_key *key, const char *field)
{
    const struct registry_key *own = &decision->caller_key;
    char text[LIMIT_TEXT_MAX + 1];
    for (size_t i = 0; i < own->limit_count; i++) {
        if (own->limits[i].unlimited || is_bounded_by(key, &own->limits[i]))
            continue;
        limit_format(&own->limits[i], text);
        return status_fail(&decision->command->note, STATUS_PERMISSION_DENIED, field,
                           "your own key has the limit %s, and this key would go beyond it: give it that limit or a "
                           "smaller one, or ask an operator",
                           text);
    }
    return STATUS_OK;
}

enum status decide_within_caller(struct decision *decision, const struct registry_key *key,
                                 const struct decide_fields *fields)
{
    const struct registry_caller *caller = &decision->command->caller;
    if (caller->is_operator)
        return STATUS_OK;
    if (caller->key == NULL)
        return status_fail(&decision->command->note, STATUS_PERMISSION_DENIED, fields->account,
                           "an account-admin makes and changes keys with a credential only: send one that has the "
                           "scope postern:account-admin");
    enum status status = check_environment(decision, key, fields->environment);
    if (status == STATUS_OK)
        status = check_scopes(decision, key, fields->scopes);
    if (status == STATUS_OK)
        status = check_limits(decision, key, fields->limits);
    return status;
}
