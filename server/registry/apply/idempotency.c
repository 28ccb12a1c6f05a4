// A client that hears no answer does not know whether its change was made. So each change leaves an idempotency record:
// the reply, found again by a keyed hash of caller and request_id. The reply is sealed with a key that needs both,
// which are not stored; the store alone therefore gives no token away. One index by time lets a purge find the old
// ones, and a count per caller bounds them.
#include "registry/apply/idempotency.h"

#include "registry/table.h"

#include <inttypes.h>
#include <string.h>

static uint64_t read_count(struct store_txn *txn, struct slice caller)
{
    struct slice value;
    uint64_t count = 0;
    if (store_get(txn, TABLE_IDEMPOTENCY_COUNT, caller, &value) != STATUS_OK || !table_number_read(value, &count))
        return 0;
    return count;
}

static void write_count(struct store_txn *txn, struct slice caller, uint64_t count)
{
    uint8_t bytes[TABLE_NUMBER_SIZE];
    table_number_write(count, bytes);
    if (count == 0)
        store_delete(txn, TABLE_IDEMPOTENCY_COUNT, caller);
    else
        store_put(txn, TABLE_IDEMPOTENCY_COUNT, caller, slice_make(bytes, sizeof bytes));
}

static bool is_expired(const struct registry *registry, uint64_t time_ms, uint64_t now_ms)
{
    return time_ms < idempotency_dead_before(registry, now_ms);
}

uint64_t idempotency_dead_before(const struct registry *registry, uint64_t now_ms)
{
    return now_ms >= registry->idempotency_retention_ms ? now_ms - registry->idempotency_retention_ms + 1 : 0;
}

// --- removing

static bool read_old(struct slice key, struct slice value, struct idempotency_old *out, uint64_t *time_ms)
{
    if (key.size != sizeof out->key || value.size != sizeof out->caller ||
        !table_number_read(slice_make(key.data, TABLE_NUMBER_SIZE), time_ms))
        return false;
    memcpy(out->key, key.data, sizeof out->key);
    memcpy(out->caller, value.data, sizeof out->caller);
    return true;
}

static enum status collect(struct store_cursor *cursor, uint64_t before_ms, size_t max, struct idempotency_old *out,
                           size_t *count)
{
    struct slice key;
    struct slice value;
    enum status status = store_cursor_seek(cursor, slice_empty(), &key, &value);
    while (status == STATUS_OK && *count < max) {
        uint64_t time_ms = 0;
        if (!read_old(key, value, &out[*count], &time_ms))
            return STATUS_DATA_LOSS;
        if (time_ms >= before_ms)
            break;
        (*count)++;
        status = store_cursor_next(cursor, &key, &value);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status idempotency_collect(struct store_txn *txn, uint64_t before_ms, size_t max, struct arena *arena,
                                struct idempotency_old **out, size_t *count)
{
    struct store_cursor *cursor = NULL;
    *count = 0;
    *out = arena_array(arena, max, sizeof **out);
    if (*out == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    enum status status = store_cursor_open(txn, TABLE_IDEMPOTENCY_BY_TIME, &cursor);
    if (status == STATUS_OK)
        status = collect(cursor, before_ms, max, *out, count);
    store_cursor_close(cursor);
    return status;
}

// Returns how many records from the first one on have the same caller: records of one caller often come in a row.
static size_t run_length(const struct idempotency_old *old, size_t count)
{
    size_t length = 1;
    while (length < count && memcmp(old[length].caller, old[0].caller, sizeof old[0].caller) == 0)
        length++;
    return length;
}

static void lower_count(struct store_txn *txn, const uint8_t caller[SECRET_HASH_SIZE], size_t by)
{
    struct slice name = slice_make(caller, SECRET_HASH_SIZE);
    uint64_t count = read_count(txn, name);
    write_count(txn, name, count > by ? count - by : 0);
}

void idempotency_remove(struct store_txn *txn, const struct idempotency_old *old, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        store_delete(txn, TABLE_IDEMPOTENCY_BY_TIME, slice_make(old[i].key, sizeof old[i].key));
        store_delete(txn, TABLE_IDEMPOTENCY, slice_make(old[i].key + TABLE_NUMBER_SIZE, SECRET_HASH_SIZE));
    }
    for (size_t i = 0, length = 0; i < count; i += length) {
        length = run_length(&old[i], count - i);
        lower_count(txn, old[i].caller, length);
    }
}

// --- finding

// Looks under the newest master secret first; an older one may have been the newest when the record was made.
static enum status find_record(const struct registry *registry, struct store_txn *txn,
                               const struct registry_command *command, struct idempotency_record *out,
                               uint8_t name[SECRET_HASH_SIZE])
{
    for (size_t i = secret_count(registry->secret); i > 0; i--) {
        struct slice value;
        enum status status = secret_idempotency_name(registry->secret, secret_id_at(registry->secret, i - 1),
                                                     command->caller.name, command->request_id, name);
        if (status != STATUS_OK)
            return STATUS_INTERNAL;
        status = store_get(txn, TABLE_IDEMPOTENCY, slice_make(name, SECRET_HASH_SIZE), &value);
        if (status == STATUS_OK)
            return unpack_idempotency(value, registry->scratch, out);
        if (status != STATUS_NOT_FOUND)
            return status;
    }
    return STATUS_NOT_FOUND;
}

static enum status take_reply(const struct registry *registry, const struct idempotency_record *record,
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

enum status idempotency_find(const struct registry *registry, struct store_txn *txn, struct registry_command *command,
                             uint64_t now_ms, bool *found)
{
    struct idempotency_record record;
    uint8_t name[SECRET_HASH_SIZE];
    *found = false;
    enum status status = find_record(registry, txn, command, &record, name);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (is_expired(registry, record.time_ms, now_ms))
        return STATUS_OK;
    if (!secret_equal(record.call_digest, command->call_digest))
        return status_fail(&command->failure, STATUS_ALREADY_EXISTS, "request_id",
                           "this request_id was used for another call: take 16 fresh random bytes for each call, and "
                           "the same ones only to repeat it unchanged");
    status = take_reply(registry, &record, command);
    *found = status == STATUS_OK;
    return status;
}

// --- keeping

static enum status name_it(const struct registry *registry, const struct registry_command *command,
                           struct idempotency_plan *out)
{
    uint32_t master_id = secret_newest_id(registry->secret);
    enum status status =
        secret_idempotency_name(registry->secret, master_id, command->caller.name, command->request_id, out->name);
    if (status == STATUS_OK)
        status = secret_idempotency_name(registry->secret, master_id, command->caller.name, slice_empty(), out->caller);
    return status == STATUS_OK ? STATUS_OK : STATUS_INTERNAL;
}

static enum status seal(const struct registry *registry, const struct registry_command *command,
                        struct idempotency_plan *out)
{
    struct idempotency_record record = {.time_ms = out->time_ms, .master_id = secret_newest_id(registry->secret)};
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
    return pack_idempotency(&record, registry->scratch, &out->value) ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

// The caller may use the request_id of an expired record that is not purged yet; the new record then replaces it.
static enum status find_replaced(const struct registry *registry, struct store_txn *txn, struct idempotency_plan *plan)
{
    struct slice value;
    struct idempotency_record record;
    enum status status = store_get(txn, TABLE_IDEMPOTENCY, slice_make(plan->name, sizeof plan->name), &value);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = unpack_idempotency(value, registry->scratch, &record);
    plan->replaces = status == STATUS_OK;
    plan->replaced_ms = status == STATUS_OK ? record.time_ms : 0;
    return status;
}

enum status idempotency_prepare(const struct registry *registry, struct store_txn *txn,
                                struct registry_command *command, uint64_t now_ms, struct idempotency_plan *out)
{
    *out = (struct idempotency_plan){.time_ms = now_ms};
    enum status status = name_it(registry, command, out);
    if (status == STATUS_OK)
        status = find_replaced(registry, txn, out);
    if (status != STATUS_OK)
        return status;
    out->count = read_count(txn, slice_make(out->caller, sizeof out->caller)) + (out->replaces ? 0 : 1);
    if (out->count > REGISTRY_IDEMPOTENCY_PER_CALLER_MAX)
        return status_fail(&command->failure, STATUS_RESOURCE_EXHAUSTED, NULL,
                           "this caller made %d changes within %" PRIu64
                           " minutes, and no more replies can be kept for retries: try again in a few minutes, and "
                           "make changes more slowly",
                           REGISTRY_IDEMPOTENCY_PER_CALLER_MAX, registry->idempotency_retention_ms / 60000);
    return seal(registry, command, out);
}

void idempotency_write(struct store_txn *txn, const struct idempotency_plan *plan)
{
    struct table_key key = table_idempotency_time_key(plan->time_ms, plan->name);
    struct table_key replaced = table_idempotency_time_key(plan->replaced_ms, plan->name);
    if (plan->replaces)
        store_delete(txn, TABLE_IDEMPOTENCY_BY_TIME, table_slice(&replaced));
    store_put(txn, TABLE_IDEMPOTENCY, slice_make(plan->name, sizeof plan->name), plan->value);
    store_put(txn, TABLE_IDEMPOTENCY_BY_TIME, table_slice(&key), slice_make(plan->caller, sizeof plan->caller));
    write_count(txn, slice_make(plan->caller, sizeof plan->caller), plan->count);
}
