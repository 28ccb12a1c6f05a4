// IMPORT takes over keys whose tokens were made elsewhere, known by the SHA-256 of their text. Either all keys of the
// call are taken over or none. Keys that their account has already are skipped, so a call may be sent again after a
// failure; those of another account are refused: one token is of one key, and the other account's would stay it.
#include "registry/decide/key.h"
#include "registry/table.h"

#include <stdio.h>
#include <string.h>

enum { ID_TRIES = SECRET_HASH_SIZE / DECIDE_ID_RANDOM_SIZE };

// An account that gets keys of this import.
struct receiver {
    struct registry_account account;
    uint16_t slot; // of its keys' ids
    uint32_t incoming;
};

struct import {
    struct draft *draft;
    struct receiver *receivers;
    size_t receiver_count;
    size_t index; // of the present entry
};

static const struct registry_import_key *entry_of(const struct import *import)
{
    return &import->draft->command->ask.import.keys[import->index];
}

// Returns a path like "import.keys[3].key.account", in the command's arena; "" when that is out.
static const char *field_of(const struct import *import, const char *name)
{
    enum { FIELD_SIZE = 64 };
    char *text = arena_alloc(import->draft->command->arena, FIELD_SIZE);
    if (text == NULL || snprintf(text, FIELD_SIZE, "import.keys[%zu]%s", import->index, name) < 0)
        return "";
    return text;
}

// --- accounts

static enum status add_receiver(struct import *import, struct slice id, struct receiver **out)
{
    struct draft *draft = import->draft;
    struct receiver *receiver = &import->receivers[import->receiver_count];
    enum status status = registry_find_account(draft->txn, id, draft->registry->scratch, &receiver->account);
    if (status == STATUS_NOT_FOUND)
        return status_fail(&draft->command->failure, status, field_of(import, ".key.account"),
                           "there is no account \"%.*s\": make it with: postern account put %.*s", SLICE_ARGS(id),
                           SLICE_ARGS(id));
    if (status != STATUS_OK)
        return status;
    receiver->slot = secret_account_slot(draft->registry->secret, id);
    import->receiver_count++;
    *out = receiver;
    return STATUS_OK;
}

static enum status find_receiver(struct import *import, struct receiver **out)
{
    struct slice id = entry_of(import)->key.account;
    for (size_t i = 0; i < import->receiver_count; i++) {
        *out = &import->receivers[i];
        if (slice_equal((*out)->account.id, id))
            return STATUS_OK;
    }
    return add_receiver(import, id, out);
}

// Does the account have room for all keys that it gets? Asked once for each account.
static enum status check_room(struct import *import, const struct receiver *receiver)
{
    struct registry_account account = receiver->account;
    struct status_failure *failure = &import->draft->command->failure;
    enum status status = STATUS_RESOURCE_EXHAUSTED;
    if (account.max_keys >= receiver->incoming) {
        account.max_keys -= receiver->incoming - 1;
        status = decide_max_keys(import->draft, &account, 0, "import.keys");
    }
    if (status != STATUS_RESOURCE_EXHAUSTED)
        return status;
    return status_fail(failure, status, "import.keys",
                       "with these %u keys the account \"%.*s\" would have more than its max_keys of %u that are "
                       "neither revoked nor expired: revoke some, or allow more, with: postern account update %.*s "
                       "--max-keys N",
                       receiver->incoming, SLICE_ARGS(account.id), receiver->account.max_keys, SLICE_ARGS(account.id));
}

// --- keys

// An earlier entry of the same call with the same token, or NULL.
static const struct registry_import_key *find_before(const struct import *import)
{
    const struct registry_import_key *keys = import->draft->command->ask.import.keys;
    struct slice wanted = slice_make(entry_of(import)->sha256, SECRET_HASH_SIZE);
    for (size_t i = 0; i < import->index; i++)
        if (slice_equal(slice_make(keys[i].sha256, SECRET_HASH_SIZE), wanted))
            return &keys[i];
    return NULL;
}

static enum status find_stored(const struct import *import, struct registry_key *out)
{
    const struct draft *draft = import->draft;
    const struct registry_import_key *entry = entry_of(import);
    struct arena *arena = draft->registry->scratch;
    return entry->is_ours ? registry_find_key(draft->txn, entry->our_id, arena, out)
                          : find_imported(draft->registry, draft->txn, entry->sha256, arena, out);
}

static enum status refuse_owned(const struct import *import, const struct registry_key *key)
{
    char id[KEY_ID_TEXT_SIZE + 1];
    key_id_format(key->id, id);
    return status_fail(&import->draft->command->failure, STATUS_ALREADY_EXISTS, field_of(import, ".key.account"),
                       "its token is that of the key %s of the account \"%.*s\": one token cannot be of two accounts; "
                       "roll or create a key for this one",
                       id, SLICE_ARGS(key->account));
}

// Is the token known as this account's? Errors: ALREADY_EXISTS when it is another account's; those of the store.
static enum status is_known(const struct import *import, bool *known)
{
    struct registry_key key;
    struct slice account = entry_of(import)->key.account;
    const struct registry_import_key *before = find_before(import);
    if (before != NULL && !slice_equal(before->key.account, account))
        return status_fail(&import->draft->command->failure, STATUS_INVALID_ARGUMENT, field_of(import, ".key.account"),
                           "an earlier key of this call has the same token and the account \"%.*s\"",
                           SLICE_ARGS(before->key.account));
    *known = before != NULL;
    if (*known)
        return STATUS_OK;
    enum status status = find_stored(import, &key);
    *known = status == STATUS_OK;
    if (*known && !slice_equal(key.account, account))
        return refuse_owned(import, &key);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

// Makes the key's id from the command's random bytes and the entry's place in the batch.
static enum status make_id(const struct import *import, uint16_t slot, uint8_t out[KEY_ID_SIZE])
{
    const struct draft *draft = import->draft;
    uint8_t seed[REGISTRY_RANDOM_SIZE + TABLE_NUMBER_SIZE];
    uint8_t random[SECRET_HASH_SIZE];
    memcpy(seed, draft->command->random, REGISTRY_RANDOM_SIZE);
    table_number_write(import->index, seed + REGISTRY_RANDOM_SIZE);
    secret_digest(slice_make(seed, sizeof seed), random);
    for (size_t i = 0; i < ID_TRIES; i++) {
        struct slice value;
        key_id_make(slot, random + i * DECIDE_ID_RANDOM_SIZE, out);
        enum status status = store_get(draft->txn, TABLE_KEY, slice_make(out, KEY_ID_SIZE), &value);
        if (status != STATUS_OK)
            return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    return STATUS_INTERNAL; // the random bytes repeat
}

// Its prefix is for its successor's token; the shape of its own is not known.
static struct registry_key asked_key(const struct import *import, const struct registry_account *account)
{
    const struct draft *draft = import->draft;
    struct registry_key key = entry_of(import)->key;
    key.life = account->life;
    key.facts.created_at_ms = decide_created_at(draft, account);
    key.created_by = draft->command->caller.name;
    key.version = draft->seq;
    key.imported = true;
    key.master_id = secret_newest_id(draft->registry->secret);
    return key;
}

static enum status check_key(struct import *import, const struct registry_account *account, struct registry_key *key)
{
    struct draft *draft = import->draft;
    struct decide_fields fields = {.account = field_of(import, ".key.account"),
                                   .environment = field_of(import, ".key.environment")};
    enum status status = decide_account_allows(draft, account, key->environment, &fields);
    if (status == STATUS_OK)
        status = decide_expiry(draft, key->facts.expires_at_ms, field_of(import, ".key.expires_at_ms"));
    if (status != STATUS_OK)
        return status;
    return key->scope_count == 0 ? decide_default_scopes(draft, key)
                                 : decide_grants(draft, key, field_of(import, ".key.scopes"));
}

static enum status make_key(struct import *import, const struct receiver *receiver)
{
    struct draft *draft = import->draft;
    struct registry_result *result = &draft->command->result;
    struct registry_key key = asked_key(import, &receiver->account);
    enum status status = check_key(import, &receiver->account, &key);
    if (status == STATUS_OK)
        status = make_id(import, receiver->slot, key.id);
    if (status != STATUS_OK)
        return status;
    memcpy(key.lineage, key.id, sizeof key.lineage);
    if (secret_import_hash(draft->registry->secret, key.master_id, entry_of(import)->sha256, key.token_hash) !=
        STATUS_OK)
        return STATUS_INTERNAL;
    draft->images[draft->image_count++] = (struct image){.kind = REGISTRY_KEY, .of.key = key};
    result->keys[result->key_count++] = key;
    return STATUS_OK;
}

static enum status import_one(struct import *import)
{
    struct receiver *receiver = NULL;
    bool known = false;
    enum status status = is_known(import, &known);
    if (status != STATUS_OK)
        return status;
    if (known) {
        import->draft->command->result.skipped++;
        return STATUS_OK;
    }
    status = find_receiver(import, &receiver);
    if (status != STATUS_OK)
        return status;
    receiver->incoming++;
    return make_key(import, receiver);
}

// --- the decider

enum status decide_import(struct draft *draft)
{
    struct registry_command *command = draft->command;
    struct import import = {.draft = draft};
    size_t count = command->ask.import.count;
    if (count > REGISTRY_IMPORT_MAX)
        return status_fail(&command->failure, STATUS_INVALID_ARGUMENT, "import.keys",
                           "%zu keys are more than the %d that one call may bring: send them in several", count,
                           REGISTRY_IMPORT_MAX);
    import.receivers = arena_array(draft->registry->scratch, count, sizeof *import.receivers);
    draft->images = arena_array(draft->registry->scratch, count, sizeof *draft->images);
    command->result.keys = arena_array(command->arena, count, sizeof *command->result.keys);
    if (import.receivers == NULL || draft->images == NULL || command->result.keys == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    enum status status = STATUS_OK;
    for (import.index = 0; import.index < count && status == STATUS_OK; import.index++)
        status = import_one(&import);
    for (size_t i = 0; i < import.receiver_count && status == STATUS_OK; i++)
        status = check_room(&import, &import.receivers[i]);
    return status;
}
