// CREATE: a new key for an account.
#include "registry/decide.h"
#include "registry/record.h"
#include "registry/table.h"

#include <inttypes.h>
#include <string.h>

enum {
    ID_RANDOM_SIZE = 9,
    // The command's random bytes: first the secret, then as many ids as fit.
    ID_TRIES = (REGISTRY_RANDOM_SIZE - KEY_SECRET_SIZE) / ID_RANDOM_SIZE
};

_Static_assert(ID_TRIES >= 2, "an id that is taken can be replaced");

// The same words whether the account is missing or somebody else's.
static enum status unknown_account(struct decision *decision)
{
    struct slice account = decision->command->ask.create.account;
    return status_fail(&decision->command->note, STATUS_NOT_FOUND, "create.account",
                       "there is no account \"%.*s\": make it with: postern account put %.*s", SLICE_ARGS(account),
                       SLICE_ARGS(account));
}

enum status decide_create_authority(struct decision *decision)
{
    const struct registry_command *command = decision->command;
    if (decide_may_touch(&command->caller, command->ask.create.account))
        return STATUS_OK;
    return unknown_account(decision);
}

static enum status check_account(struct decision *decision, const struct registry_account *account)
{
    struct registry_command *command = decision->command;
    bool is_live = command->ask.create.environment == KEY_ENVIRONMENT_LIVE;
    if (account->suspended)
        return status_fail(&command->note, STATUS_FAILED_PRECONDITION, "create.account",
                           "the account \"%.*s\" is suspended: resume it first, with: postern account resume %.*s",
                           SLICE_ARGS(account->id), SLICE_ARGS(account->id));
    if (is_live ? account->allows_live : account->allows_test)
        return STATUS_OK;
    return status_fail(&command->note, STATUS_FAILED_PRECONDITION, "create.environment",
                       "the account \"%.*s\" does not allow %s keys: allow them with its environments, e.g. "
                       "postern account put %.*s --env test --env live",
                       SLICE_ARGS(account->id), is_live ? "live" : "test", SLICE_ARGS(account->id));
}

static enum status check_expiry(struct decision *decision)
{
    uint64_t expires_at_ms = decision->command->ask.create.expires_at_ms;
    if (expires_at_ms == 0 || expires_at_ms > decision->now_ms)
        return STATUS_OK;
    return status_fail(&decision->command->note, STATUS_INVALID_ARGUMENT, "create.expires_at_ms",
                       "%" PRIu64 " is in the past (now is %" PRIu64
                       "): give a later time in Unix milliseconds, or 0 for a key that never expires",
                       expires_at_ms, decision->now_ms);
}

// --- max_keys

static enum status is_live_key(struct decision *decision, const struct registry_account *account, const uint8_t *id,
                               struct arena *arena, bool *live)
{
    struct registry_key key;
    enum status status = registry_find_key(decision->txn, id, arena, &key);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
    enum key_state state = key_state(&key.facts, account->revoked_before_ms, decision->now_ms);
    *live = !key.deleted && state != KEY_STATE_REVOKED && state != KEY_STATE_EXPIRED;
    return STATUS_OK;
}

static enum status walk_live_keys(struct decision *decision, const struct registry_account *account,
                                  struct store_cursor *cursor, struct arena *arena, uint64_t *count)
{
    struct slice key;
    struct slice value;
    struct slice owner;
    struct slice id;
    struct table_key from = table_by_account_key(account->id, NULL);
    enum status status = store_cursor_seek(cursor, table_slice(&from), &key, &value);
    while (status == STATUS_OK && slice_starts_with(key, table_slice(&from)) && *count < account->max_keys) {
        bool live = false;
        if (!table_by_account_parse(key, &owner, &id))
            return STATUS_DATA_LOSS;
        arena_reset(arena);
        status = is_live_key(decision, account, id.data, arena, &live);
        if (status != STATUS_OK)
            return status;
        *count += live ? 1 : 0;
        status = store_cursor_next(cursor, &key, &value);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// Keys that are neither revoked nor expired; counts no further than max_keys.
static enum status count_live_keys(struct decision *decision, const struct registry_account *account, uint64_t *count)
{
    struct store_cursor *cursor = NULL;
    struct arena *arena = arena_new(STATE_RECORD_BYTES);
    *count = 0;
    enum status status = arena == NULL ? STATUS_RESOURCE_EXHAUSTED : STATUS_OK;
    if (status == STATUS_OK)
        status = store_cursor_open(decision->txn, TABLE_KEY_BY_ACCOUNT, &cursor);
    if (status == STATUS_OK)
        status = walk_live_keys(decision, account, cursor, arena, count);
    store_cursor_close(cursor);
    arena_free(arena);
    return status;
}

// The kept count may be too high, as keys expire by themselves; only then all are looked at.
static enum status check_max_keys(struct decision *decision, const struct registry_account *account)
{
    struct slice value;
    uint64_t count = 0;
    enum status status = store_get(decision->txn, TABLE_KEY_COUNT, account->id, &value);
    if (status == STATUS_OK && !table_number_read(value, &count))
        return STATUS_DATA_LOSS;
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (count < account->max_keys)
        return STATUS_OK;
    status = count_live_keys(decision, account, &count);
    if (status != STATUS_OK || count < account->max_keys)
        return status;
    return status_fail(&decision->command->note, STATUS_RESOURCE_EXHAUSTED, "create.account",
                       "the account \"%.*s\" has %" PRIu32 " keys that are neither revoked nor expired, as many as its "
                       "max_keys allows: revoke some, or raise max_keys",
                       SLICE_ARGS(account->id), account->max_keys);
}

// --- the key

// An id that no key ever had: deleted keys keep their records.
static enum status make_id(struct decision *decision, uint8_t out[KEY_ID_SIZE])
{
    const struct registry_command *command = decision->command;
    uint16_t slot = secret_account_slot(decision->registry->secret, command->ask.create.account);
    for (size_t i = 0; i < ID_TRIES; i++) {
        struct slice value;
        key_id_make(slot, command->random + KEY_SECRET_SIZE + i * ID_RANDOM_SIZE, out);
        enum status status = store_get(decision->txn, TABLE_KEY, slice_make(out, KEY_ID_SIZE), &value);
        if (status == STATUS_NOT_FOUND)
            return STATUS_OK;
        if (status != STATUS_OK)
            return status;
    }
    return status_fail(&decision->command->note, STATUS_INTERNAL, NULL,
                       "%d random key ids are all taken, so the random numbers are not random: check the machine's "
                       "entropy source",
                       ID_TRIES);
}

static struct slice prefix_of(const struct decision *decision)
{
    struct slice asked = decision->command->ask.create.prefix;
    return asked.size > 0 ? asked : slice_make(decision->registry->prefix, decision->registry->prefix_size);
}

// The token's text in the command's arena, and its hash in the key.
static enum status make_token(struct decision *decision, struct registry_key *key)
{
    struct registry_command *command = decision->command;
    char *text = arena_alloc(command->arena, KEY_TOKEN_MAX + 1);
    if (text == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    struct key_token token = {.prefix = prefix_of(decision), .type = key->type, .environment = key->environment};
    memcpy(token.id, key->id, sizeof token.id);
    memcpy(token.secret, command->random, sizeof token.secret);
    command->result.token = slice_make(text, key_token_format(&token, text));
    secret_wipe(&token, sizeof token);
    if (key->type == KEY_TYPE_PUBLIC)
        key->public_token = command->result.token;
    key->master_id = secret_newest_id(decision->registry->secret);
    enum status status =
        secret_token_hash(decision->registry->secret, key->master_id, command->result.token, key->token_hash);
    return status == STATUS_OK ? STATUS_OK : STATUS_INTERNAL;
}

static struct registry_key asked_key(const struct decision *decision)
{
    const struct registry_create *ask = &decision->command->ask.create;
    return (struct registry_key){
        .account = ask->account,
        .name = ask->name,
        .environment = ask->environment,
        .type = ask->type,
        .facts = {.created_at_ms = decision->now_ms, .expires_at_ms = ask->expires_at_ms},
        .created_by = decision->command->caller.name,
        .scopes = ask->scopes,
        .scope_count = ask->scope_count,
        .limits = ask->limits,
        .limit_count = ask->limit_count,
        .addresses = ask->addresses,
        .address_count = ask->address_count,
        .metadata = ask->metadata,
        .metadata_count = ask->metadata_count,
        .version = decision->seq,
    };
}

static enum status make_key(struct decision *decision)
{
    struct registry_key key = asked_key(decision);
    enum status status = make_id(decision, key.id);
    if (status != STATUS_OK)
        return status;
    memcpy(key.lineage, key.id, sizeof key.lineage);
    status = make_token(decision, &key);
    if (status != STATUS_OK)
        return status;
    decision->images[0] = (struct image){.kind = IMAGE_KEY, .of.key = key};
    decision->image_count = 1;
    decision->command->result.key = key;
    return STATUS_OK;
}

enum status decide_create(struct decision *decision)
{
    struct registry_command *command = decision->command;
    struct registry_account *account = &command->result.account;
    enum status status = registry_find_account(decision->txn, command->ask.create.account, command->arena, account);
    if (status == STATUS_NOT_FOUND)
        return unknown_account(decision);
    if (status == STATUS_OK)
        status = check_account(decision, account);
    if (status == STATUS_OK)
        status = check_expiry(decision);
    if (status == STATUS_OK)
        status = check_max_keys(decision, account);
    return status == STATUS_OK ? make_key(decision) : status;
}
