#include "registry/replay.h"

#include "registry/table.h"

#include <string.h>

// Two for each one that a command adds would do; more lets a backlog shrink faster.
enum { EXPIRE_MAX = 8 };

static uint64_t read_count(struct store_txn *txn, struct slice caller)
{
    struct slice value;
    uint64_t count = 0;
    if (store_get(txn, TABLE_REPLAY_COUNT, caller, &value) != STATUS_OK || !table_number_read(value, &count))
        return 0;
    return count;
}

static void write_count(struct store_txn *txn, struct slice caller, uint64_t count)
{
    uint8_t bytes[TABLE_NUMBER_SIZE];
    table_number_write(count, bytes);
    if (count == 0)
        store_delete(txn, TABLE_REPLAY_COUNT, caller);
    else
        store_put(txn, TABLE_REPLAY_COUNT, caller, slice_make(bytes, sizeof bytes));
}

static bool is_expired(uint64_t time_ms, uint64_t now_ms)
{
    return now_ms >= time_ms && now_ms - time_ms >= REGISTRY_REPLAY_MS;
}

// Everything that there is of one record.
static void remove_record(struct store_txn *txn, const struct table_key *time_key)
{
    struct slice value;
    uint8_t caller[SECRET_HASH_SIZE];
    struct slice name = slice_make(time_key->bytes + TABLE_NUMBER_SIZE, SECRET_HASH_SIZE);
    if (store_get(txn, TABLE_REPLAY_BY_TIME, table_slice(time_key), &value) == STATUS_OK &&
        value.size == sizeof caller) {
        memcpy(caller, value.data, sizeof caller);
        uint64_t count = read_count(txn, slice_make(caller, sizeof caller));
        write_count(txn, slice_make(caller, sizeof caller), count > 0 ? count - 1 : 0);
    }
    store_delete(txn, TABLE_REPLAY_BY_TIME, table_slice(time_key));
    store_delete(txn, TABLE_REPLAY, name);
}

// Keys of the oldest records that have expired; returns how many.
static size_t collect_expired(struct store_txn *txn, uint64_t now_ms, struct table_key out[EXPIRE_MAX])
{
    struct store_cursor *cursor = NULL;
    struct slice key;
    struct slice value;
    size_t count = 0;
    enum status status = store_cursor_open(txn, TABLE_REPLAY_BY_TIME, &cursor);
    if (status == STATUS_OK)
        status = store_cursor_seek(cursor, slice_empty(), &key, &value);
    while (status == STATUS_OK && count < EXPIRE_MAX && key.size == TABLE_REPLAY_TIME_SIZE) {
        uint64_t time_ms = 0;
        if (!table_number_read(slice_make(key.data, TABLE_NUMBER_SIZE), &time_ms) || !is_expired(time_ms, now_ms))
            break;
        out[count++] = table_replay_time_key(time_ms, key.data + TABLE_NUMBER_SIZE);
        status = store_cursor_next(cursor, &key, &value);
    }
    store_cursor_close(cursor);
    return count;
}

bool replay_expire(struct store_txn *txn, uint64_t now_ms)
{
    struct table_key keys[EXPIRE_MAX];
    size_t count = collect_expired(txn, now_ms, keys);
    for (size_t i = 0; i < count; i++)
        remove_record(txn, &keys[i]);
    return count == EXPIRE_MAX;
}

// Under the newest master secret first; an older one may have been the newest when the record was made.
static enum status find_record(const struct registry *registry, struct store_txn *txn,
                               const struct registry_command *command, struct record_replay *out,
                               uint8_t name[SECRET_HASH_SIZE])
{
    for (size_t i = secret_count(registry->secret); i > 0; i--) {
        struct slice value;
        enum status status = secret_replay_name(registry->secret, secret_id_at(registry->secret, i - 1),
                                                command->caller.name, command->request_id, name);
        if (status != STATUS_OK)
            return STATUS_INTERNAL;
        status = store_get(txn, TABLE_REPLAY, slice_make(name, SECRET_HASH_SIZE), &value);
        if (status == STATUS_OK)
            return record_unpack_replay(value, registry->scratch, out);
        if (status != STATUS_NOT_FOUND)
            return status;
    }
    return STATUS_NOT_FOUND;
}

static enum status take_reply(const struct registry *registry, const struct record_replay *record,
                              struct registry_command *command)
{
    size_t size = record->sealed_reply.size - SECRET_SEAL_OVERHEAD;
    uint8_t *reply = arena_alloc(command->arena, size);
    if (reply == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    enum status status = secret_unseal(registry->secret, record->master_id, command->caller.name, command->request_id,
                                       record->sealed_reply, reply);
    if (status == STATUS_OK)
        command->reply = slice_make(reply, size);
    return status == STATUS_NOT_FOUND ? STATUS_DATA_LOSS : status;
}

enum status replay_find(const struct registry *registry, struct store_txn *txn, struct registry_command *command,
                        uint64_t now_ms, bool *found)
{
    struct record_replay record;
    uint8_t name[SECRET_HASH_SIZE];
    *found = false;
    enum status status = find_record(registry, txn, command, &record, name);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (is_expired(record.time_ms, now_ms)) {
        struct table_key key = table_replay_time_key(record.time_ms, name);
        remove_record(txn, &key);
        return STATUS_OK;
    }
    if (!secret_equal(record.call_digest, command->call_digest))
        return status_fail(&command->note, STATUS_ALREADY_EXISTS, "request_id",
                           "this request_id was used for another call: take 16 fresh random bytes for each call, and "
                           "the same ones only to repeat it unchanged");
    status = take_reply(registry, &record, command);
    *found = status == STATUS_OK;
    return status;
}

static enum status name_it(const struct registry *registry, const struct registry_command *command,
                           struct replay_plan *out)
{
    uint32_t master_id = secret_newest_id(registry->secret);
    enum status status =
        secret_replay_name(registry->secret, master_id, command->caller.name, command->request_id, out->name);
    if (status == STATUS_OK)
        status = secret_replay_name(registry->secret, master_id, command->caller.name, slice_empty(), out->caller);
    return status == STATUS_OK ? STATUS_OK : STATUS_INTERNAL;
}

static enum status seal(const struct registry *registry, const struct registry_command *command,
                        struct replay_plan *out)
{
    struct record_replay record = {.time_ms = out->time_ms, .master_id = secret_newest_id(registry->secret)};
    size_t size = command->reply.size + SECRET_SEAL_OVERHEAD;
    uint8_t *sealed = arena_alloc(registry->scratch, size);
    if (sealed == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    memcpy(record.call_digest, command->call_digest, sizeof record.call_digest);
    record.sealed_reply = slice_make(sealed, size);
    enum status status = secret_seal(registry->secret, record.master_id, command->caller.name, command->request_id,
                                     command->reply, sealed);
    if (status != STATUS_OK)
        return STATUS_INTERNAL;
    return record_pack_replay(&record, registry->scratch, &out->value) ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

enum status replay_prepare(const struct registry *registry, struct store_txn *txn, struct registry_command *command,
                           uint64_t now_ms, struct replay_plan *out)
{
    *out = (struct replay_plan){.time_ms = now_ms};
    enum status status = name_it(registry, command, out);
    if (status != STATUS_OK)
        return status;
    out->count = read_count(txn, slice_make(out->caller, sizeof out->caller)) + 1;
    if (out->count > REGISTRY_REPLAYS_PER_CALLER_MAX)
        return status_fail(&command->note, STATUS_RESOURCE_EXHAUSTED, NULL,
                           "this caller made %d changes within %d minutes, and no more replies can be kept for "
                           "retries: try again in a few minutes, and make changes more slowly",
                           REGISTRY_REPLAYS_PER_CALLER_MAX, REGISTRY_REPLAY_MS / 60000);
    return seal(registry, command, out);
}

void replay_write(struct store_txn *txn, const struct replay_plan *plan)
{
    struct table_key key = table_replay_time_key(plan->time_ms, plan->name);
    store_put(txn, TABLE_REPLAY, slice_make(plan->name, sizeof plan->name), plan->value);
    store_put(txn, TABLE_REPLAY_BY_TIME, table_slice(&key), slice_make(plan->caller, sizeof plan->caller));
    write_count(txn, slice_make(plan->caller, sizeof plan->caller), plan->count);
}
