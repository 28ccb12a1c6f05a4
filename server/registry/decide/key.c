// What the deciders about keys share: they find the key that a command names, ask whether it is in a final state and
// whether its account may have one more, and make id, token and record of a new key. The stored number of an account's
// keys may be too high, because keys expire by themselves; when it reaches max_keys, the keys themselves are counted.
#include "registry/decide/key.h"

#include "base/text.h"
#include "registry/table.h"

#include <inttypes.h>
#include <string.h>

enum {
    // The command's random bytes: first the secret, then as many ids as fit.
    ID_TRIES = (REGISTRY_RANDOM_SIZE - KEY_SECRET_SIZE) / DECIDE_ID_RANDOM_SIZE
};

_Static_assert(ID_TRIES >= 2, "an id that is taken can be replaced");

// --- finding

enum status decide_unknown_key(struct draft *draft, const uint8_t id[KEY_ID_SIZE], const char *field)
{
    char text[KEY_ID_TEXT_SIZE + 1];
    key_id_format(id, text);
    return status_fail(&draft->command->failure, STATUS_NOT_FOUND, field,
                       "there is no key %s: look it up with: postern list", text);
}

// NOT_FOUND for a key of another account that had the id before.
static enum status check_life(struct draft *draft, const struct registry_key *key)
{
    struct registry_account account;
    enum status status = registry_find_account(draft->txn, key->account, draft->registry->scratch, &account);
    if (status != STATUS_OK)
        return status;
    return registry_is_of_life(&account, key) ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status decide_find_key(struct draft *draft, const uint8_t id[KEY_ID_SIZE], const char *field,
                            struct registry_key *out)
{
    struct registry_command *command = draft->command;
    enum status status = registry_find_key(draft->txn, id, command->arena, out);
    if (status == STATUS_OK && !decide_may_touch(&command->caller, out->account))
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK && !command->caller.is_operator)
        status = check_life(draft, out);
    return status == STATUS_NOT_FOUND ? decide_unknown_key(draft, id, field) : status;
}

enum status decide_find_owner(struct draft *draft, const struct registry_key *key, struct registry_account *out)
{
    enum status status = registry_find_any_account(draft->txn, key->account, draft->command->arena, out);
    return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
}

// --- state

enum status decide_not_final(struct draft *draft, const struct registry_key *key,
                             const struct registry_account *account, const char *field, const char *verb)
{
    char text[KEY_ID_TEXT_SIZE + 1];
    enum key_state state = key_state(&key->facts, account->revoked_before_ms, draft->now_ms);
    if (!key->deleted && state != KEY_STATE_REVOKED && state != KEY_STATE_EXPIRED)
        return STATUS_OK;
    key_id_format(key->id, text);
    return status_fail(&draft->command->failure, STATUS_FAILED_PRECONDITION, field,
                       "the key %s is %s, which is final: it cannot be %s; make a new one with: postern create", text,
                       key->deleted ? "deleted and REVOKED" : key_state_name(state), verb);
}

enum status decide_refuse_rolled(struct draft *draft, const struct registry_key *key, const struct decide_rolled *why)
{
    char next[KEY_ID_TEXT_SIZE + 1], end[TEXT_TIME_SIZE] = "";
    struct registry_successor successor;
    struct status_failure *failure = &draft->command->failure;
    enum status status = registry_find_successor(draft->txn, key, &why->wanted, &successor);
    if (status != STATUS_OK)
        return status;
    key_id_format(successor.id, next);
    if (successor.is_disabled)
        return status_fail(failure, STATUS_FAILED_PRECONDITION, why->field,
                           "%s, and its successor %s is DISABLED: enable that one, with: postern enable %s", why->head,
                           next, next);
    if (successor.is_pending)
        return status_fail(failure, STATUS_FAILED_PRECONDITION, why->field,
                           "%s, and its successor %s works only later: wait, or let it work at once, with: postern "
                           "update %s --no-not-before",
                           why->head, next, next);
    if (!successor.works && successor.is_cut)
        return status_fail(failure, STATUS_FAILED_PRECONDITION, why->field,
                           "%s, and so many rolls came after it that the newest successor is not looked up: find it "
                           "with: postern list --account %.*s",
                           why->head, SLICE_ARGS(key->account));
    if (!successor.works)
        return status_fail(failure, STATUS_FAILED_PRECONDITION, why->field,
                           "%s, and %s: make a new key with: postern create", why->head, why->none);
    if (!why->wanted.is_rollable && successor.expires_at_ms != 0)
        text_format_moment(successor.expires_at_ms, end);
    return status_fail(failure, STATUS_FAILED_PRECONDITION, why->field, "%s, and its successor works: %s %s%s%s",
                       why->head, why->advice, next, end[0] != '\0' ? ", which works until " : "", end);
}

enum status decide_account_allows(struct draft *draft, const struct registry_account *account,
                                  enum key_environment environment, const struct decide_fields *fields)
{
    struct registry_command *command = draft->command;
    bool is_live = environment == KEY_ENVIRONMENT_LIVE;
    if (account->suspended)
        return status_fail(&command->failure, STATUS_FAILED_PRECONDITION, fields->account,
                           "the account \"%.*s\" is suspended: resume it first, with: postern account resume %.*s",
                           SLICE_ARGS(account->id), SLICE_ARGS(account->id));
    if (is_live ? account->allows_live : account->allows_test)
        return STATUS_OK;
    return status_fail(&command->failure, STATUS_FAILED_PRECONDITION, fields->environment,
                       "the account \"%.*s\" does not allow %s keys: allow them too, with: postern account update "
                       "%.*s --add-env %s",
                       SLICE_ARGS(account->id), is_live ? "live" : "test", SLICE_ARGS(account->id),
                       is_live ? "live" : "test");
}

enum status decide_expiry(struct draft *draft, uint64_t expires_at_ms, const char *field)
{
    if (expires_at_ms == 0 || expires_at_ms > draft->now_ms)
        return STATUS_OK;
    char at[TEXT_TIME_SIZE], now[TEXT_TIME_SIZE];
    return status_fail(&draft->command->failure, STATUS_INVALID_ARGUMENT, field,
                       "%s is in the past (now is %s): give a later time, or none for a key that never expires",
                       text_format_moment(expires_at_ms, at), text_format_moment(draft->now_ms, now));
}

void decide_note_expiry(const struct draft *draft, uint64_t expires_before_ms, struct registry_key *key)
{
    if (key->facts.expires_at_ms != expires_before_ms)
        key->expiry_set_at_ms = draft->now_ms;
}

enum status decide_not_before(struct draft *draft, const struct registry_key *key, const char *field)
{
    if (key->facts.not_before_ms == 0 || key->facts.expires_at_ms == 0 ||
        key->facts.not_before_ms < key->facts.expires_at_ms)
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_INVALID_ARGUMENT, field,
                       "the key would begin to work when it has expired already: give an earlier moment, or a later "
                       "expiry");
}

// --- max_keys

// Counts the entries of the index from the first key that has not expired, no further than `most`. Keys that were
// revoked one by one are not there, however many they are; those that RevokeAll has ended are.
static enum status walk_live_keys(struct draft *draft, const struct registry_account *account,
                                  struct store_cursor *cursor, uint64_t most, uint64_t *count)
{
    struct slice key;
    struct slice value;
    struct table_key all = table_by_account_key(account->id, NULL);
    struct table_key from = table_live_key(account->id, draft->now_ms + 1, NULL);
    enum status status = store_cursor_seek(cursor, table_slice(&from), &key, &value);
    while (status == STATUS_OK && slice_starts_with(key, table_slice(&all)) && *count < most) {
        uint64_t made_ms = 0;
        if (!table_number_read(value, &made_ms))
            return STATUS_DATA_LOSS;
        *count += made_ms > account->revoked_before_ms ? 1 : 0;
        status = store_cursor_next(cursor, &key, &value);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status decide_count_live(struct draft *draft, const struct registry_account *account, uint64_t most,
                              uint64_t *count)
{
    struct store_cursor *cursor = NULL;
    *count = 0;
    enum status status = store_cursor_open(draft->txn, TABLE_KEY_LIVE, &cursor);
    if (status == STATUS_OK)
        status = walk_live_keys(draft, account, cursor, most, count);
    store_cursor_close(cursor);
    return status;
}

// Takes those off the count that have expired since it was last asked for. Each key is met once.
static enum status drop_expired(struct draft *draft, struct slice account, struct table_count *count)
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    struct table_key all = table_by_account_key(account, NULL);
    struct table_key from = table_live_key(account, count->expires_after_ms + 1, NULL);
    uint64_t expired = 0;
    enum status status = store_cursor_open_at(draft->txn, TABLE_KEY_LIVE, table_slice(&from), &cursor, &key, &value);
    while (status == STATUS_OK && slice_starts_with(key, table_slice(&all))) {
        uint64_t made_ms = 0, expires_at_ms = 0;
        if (!table_number_read(value, &made_ms) || !table_live_expiry(key, &expires_at_ms)) {
            status = STATUS_DATA_LOSS;
            break;
        }
        if (expires_at_ms > draft->now_ms)
            break;
        expired += made_ms > count->made_after_ms ? 1 : 0;
        status = store_cursor_next(cursor, &key, &value);
    }
    store_cursor_close(cursor);
    count->count -= expired < count->count ? expired : count->count;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// Brings the count to now. All keys are walked over only once after each RevokeAll, or when the clock was taken back.
static enum status count_now(struct draft *draft, const struct registry_account *account, struct table_count *count)
{
    enum status status = STATUS_OK;
    bool is_revoked = account->revoked_before_ms != count->made_after_ms;
    if (is_revoked || count->expires_after_ms > draft->now_ms)
        status = decide_count_live(draft, account, UINT64_MAX, &count->count);
    else
        status = drop_expired(draft, account->id, count);
    count->expires_after_ms = draft->now_ms;
    count->made_after_ms = account->revoked_before_ms;
    return status;
}

// The stored number may be too high; only when it reaches the bound is it brought to now. A command that is refused
// leaves the new count behind, too, so that the next one need not walk again.
enum status decide_max_keys(struct draft *draft, const struct registry_account *account, unsigned leaving,
                            const char *field)
{
    struct slice value;
    struct table_count count = {.count = 0};
    uint64_t most = (uint64_t)account->max_keys + leaving;
    enum status status = store_get(draft->txn, TABLE_KEY_COUNT, account->id, &value);
    if (status == STATUS_OK && !table_count_read(value, &count))
        return STATUS_DATA_LOSS;
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (count.count < most)
        return STATUS_OK;
    const struct table_count stored = count;
    status = count_now(draft, account, &count);
    if (status != STATUS_OK)
        return status;
    if (count.count != stored.count || count.made_after_ms != stored.made_after_ms ||
        count.expires_after_ms < stored.expires_after_ms) {
        draft->counted = account->id;
        draft->count = count;
    }
    if (count.count < most)
        return STATUS_OK;
    return status_fail(&draft->command->failure, STATUS_RESOURCE_EXHAUSTED, field,
                       "the account \"%.*s\" has %" PRIu32 " keys that are neither revoked nor expired, as many as its "
                       "max_keys allows: revoke some, or allow more, with: postern account update %.*s --max-keys N",
                       SLICE_ARGS(account->id), account->max_keys, SLICE_ARGS(account->id));
}

// --- a new key

uint64_t decide_created_at(const struct draft *draft, const struct registry_account *account)
{
    bool would_be_revoked = account->revoked_before_ms >= draft->now_ms;
    return would_be_revoked ? account->revoked_before_ms + 1 : draft->now_ms;
}

// Makes an id that no key ever had, from the command's random bytes behind the secret. Deleted keys keep their records.
static enum status make_id(struct draft *draft, struct slice account, uint8_t out[KEY_ID_SIZE])
{
    const struct registry_command *command = draft->command;
    uint16_t slot = secret_account_slot(draft->registry->secret, account);
    for (size_t i = 0; i < ID_TRIES; i++) {
        struct slice value;
        key_id_make(slot, command->random + KEY_SECRET_SIZE + i * DECIDE_ID_RANDOM_SIZE, out);
        enum status status = store_get(draft->txn, TABLE_KEY, slice_make(out, KEY_ID_SIZE), &value);
        if (status != STATUS_OK)
            return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    return STATUS_INTERNAL; // the random bytes repeat
}

// Makes the token's text in the command's arena, and its hash in the key.
static enum status make_token(struct draft *draft, struct registry_key *key, struct slice *out)
{
    const struct registry *registry = draft->registry;
    char *text = arena_alloc(draft->command->arena, KEY_TOKEN_MAX + 1);
    if (text == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    struct key_token token = {.prefix = key->prefix, .type = key->type, .environment = key->environment};
    memcpy(token.id, key->id, sizeof token.id);
    memcpy(token.secret, draft->command->random, sizeof token.secret);
    *out = slice_make(text, key_token_format(&token, text));
    secret_wipe(&token, sizeof token);
    key->public_token = key->type == KEY_TYPE_PUBLIC ? *out : slice_empty();
    key->imported = false;
    key->master_id = secret_newest_id(registry->secret);
    enum status status = secret_token_hash(registry->secret, key->master_id, *out, key->token_hash);
    return status == STATUS_OK ? STATUS_OK : STATUS_INTERNAL;
}

enum status decide_make_key(struct draft *draft, const struct registry_account *account, struct registry_key *key,
                            struct slice *token)
{
    enum status status = make_id(draft, account->id, key->id);
    if (status != STATUS_OK)
        return status;
    if (!key->has_predecessor)
        memcpy(key->lineage, key->id, sizeof key->lineage);
    if (key->prefix.size == 0)
        key->prefix = slice_make(draft->registry->prefix, draft->registry->prefix_size);
    key->account = account->id;
    key->life = account->life;
    key->facts.created_at_ms = decide_created_at(draft, account);
    key->created_by = draft->command->caller.name;
    key->version = draft->seq;
    return make_token(draft, key, token);
}
