// Whether the idempotency records fit their index and their counts.
#include "registry/check.h"

static enum status check_replay(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *count = context;
    uint64_t time_ms = 0;
    struct slice stored;
    struct record_replay replay;
    struct slice caller = value;
    if (key.size != TABLE_REPLAY_TIME_SIZE || caller.size != SECRET_HASH_SIZE ||
        !table_number_read(slice_make(key.data, TABLE_NUMBER_SIZE), &time_ms))
        return check_fail_table(check, "the index of idempotency records has an entry of another shape");
    struct slice name = slice_make(key.data + TABLE_NUMBER_SIZE, SECRET_HASH_SIZE);
    enum status status = store_get(check->view, TABLE_REPLAY, name, &stored);
    if (status == STATUS_OK)
        status = record_unpack_replay(stored, check->arena, &replay);
    if (status == STATUS_NOT_FOUND || status == STATUS_DATA_LOSS || (status == STATUS_OK && replay.time_ms != time_ms))
        return check_fail_table(check, "an idempotency record is missing or damaged");
    if (status == STATUS_OK)
        status = store_get(check->view, TABLE_REPLAY_COUNT, caller, &stored);
    if (status == STATUS_NOT_FOUND)
        return check_fail_table(check, "the idempotency records of a caller are not counted");
    (*count)++;
    return status;
}

static enum status add_count(struct check *check, struct slice key, struct slice value, void *context)
{
    uint64_t *sum = context;
    uint64_t count = 0;
    (void)key;
    if (!table_number_read(value, &count))
        return check_fail_table(check, "the count of a caller's idempotency records does not decode");
    *sum += count;
    return STATUS_OK;
}

enum status check_replays(struct check *check)
{
    uint64_t indexed = 0;
    uint64_t stored = 0;
    uint64_t counted = 0;
    enum status status = check_walk(check, TABLE_REPLAY_BY_TIME, check_replay, &indexed);
    if (status == STATUS_OK)
        status = check_walk(check, TABLE_REPLAY, check_count_one, &stored);
    if (status == STATUS_OK)
        status = check_walk(check, TABLE_REPLAY_COUNT, add_count, &counted);
    if (status == STATUS_OK && (stored != indexed || counted != indexed))
        return check_fail_table(check, "the idempotency records do not fit their index");
    return status;
}
