// CREATE makes a new key for an account. The account must allow one more key in that environment; the key's scopes must
// be in the catalogue and covered by the caller's. The token is made here and leaves once, in the reply.
#include "registry/decide/key.h"

// Uses the same words for a missing account and one that the caller may not touch.
static enum status unknown_account(struct draft *draft)
{
    const struct registry_caller *caller = &draft->command->caller;
    struct slice account = draft->command->ask.create.account;
    if (!caller->is_operator)
        return status_fail(&draft->command->failure, STATUS_NOT_FOUND, "create.account",
                           "there is no account \"%.*s\" that you may make keys for: name your own, \"%.*s\"",
                           SLICE_ARGS(account), SLICE_ARGS(caller->account));
    return status_fail(&draft->command->failure, STATUS_NOT_FOUND, "create.account",
                       "there is no account \"%.*s\": make it with: postern account put %.*s", SLICE_ARGS(account),
                       SLICE_ARGS(account));
}

enum status decide_create_authority(struct draft *draft)
{
    const struct registry_command *command = draft->command;
    if (decide_may_touch(&command->caller, command->ask.create.account))
        return STATUS_OK;
    return unknown_account(draft);
}

// The operators' own account comes with its first key: it needs no tier, as nobody verifies its keys for a service.
static void open_reserved_account(struct draft *draft, struct slice id, struct registry_account *account)
{
    *account = (struct registry_account){.id = id,
                                         .allows_test = true,
                                         .allows_live = true,
                                         .max_keys = ACCOUNT_DEFAULT_MAX_KEYS,
                                         .created_at_ms = draft->now_ms,
                                         .life = draft->seq,
                                         .version = draft->seq};
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_ACCOUNT, .of.account = *account};
}

static enum status find_account(struct draft *draft, struct registry_account *account)
{
    const struct registry_command *command = draft->command;
    struct slice id = command->ask.create.account;
    enum status status = registry_find_account(draft->txn, id, command->arena, account);
    if (status != STATUS_NOT_FOUND)
        return status;
    if (!account_id_is_reserved(id) || !command->caller.is_operator)
        return unknown_account(draft);
    open_reserved_account(draft, id, account);
    return STATUS_OK;
}

static enum status resolve_scopes(struct draft *draft, struct registry_key *key)
{
    if (key->scope_count == 0)
        return decide_default_scopes(draft, key);
    return decide_grants(draft, key, "create.scopes");
}

static enum status make_key(struct draft *draft)
{
    struct registry_result *result = &draft->command->result;
    enum status status = decide_make_key(draft, &result->account, &result->key, &result->token);
    if (status == STATUS_OK)
        draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_KEY, .of.key = result->key};
    return status;
}

enum status decide_create(struct draft *draft)
{
    static const struct decide_fields fields = {"create.account", "create.environment",   "create.scopes",
                                                "create.limits",  "create.expires_at_ms", "create.allowed_addresses"};
    struct registry_account *account = &draft->command->result.account;
    struct registry_key *key = &draft->command->result.key;
    enum status status = find_account(draft, account);
    if (status != STATUS_OK)
        return status;
    *key = draft->command->ask.create;
    status = decide_account_allows(draft, account, key->environment, &fields);
    if (status == STATUS_OK)
        status = decide_expiry(draft, key->facts.expires_at_ms, "create.expires_at_ms");
    if (status == STATUS_OK)
        status = decide_not_before(draft, key, "create.not_before_ms");
    if (status == STATUS_OK)
        status = resolve_scopes(draft, key);
    if (status == STATUS_OK)
        status = decide_within_caller(draft, key, &fields);
    if (status == STATUS_OK)
        status = decide_max_keys(draft, account, 0, fields.account);
    return status == STATUS_OK ? make_key(draft) : status;
}
