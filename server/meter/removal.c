// Removes a custom subject: it begins anew, as if nobody had ever named it.
//
// The problem: what it has spent is on disk, in memory, in writes that are queued or in flight, and in the hands of
// calls that are just reading a record; none of them may bring it back. So the job is urgent, which means that the
// writer runs it before the write-behind of the same commit: it lets the meters in memory begin anew (limit_renew) and
// deletes the records, and what the write-behind then collects is new. After the commit it lets the meters begin anew
// once more, because until then a call may have read an old record. Only then it is answered, so a crash brings nothing
// back either. A charge that comes at the same time is counted either before it, and so forgotten, or after it.
//
// There may be any number of records, because callers choose resources and windows: so a removal may take several
// commits.
#include "meter/internal.h"
#include "meter/record.h"

#include <stdlib.h>
#include <string.h>

#define REMOVAL_ARENA_BYTES ((size_t)64 * 1024)

enum { RECORDS_PER_COMMIT = 64 };

struct removed {
    struct limit_name name;
    uint32_t maker;
};

struct meter_removal_work {
    struct store_job job;
    struct meter_cache *cache;
    struct meter_removal *removal;
    struct arena *arena;
    enum status status; // of the job's work
    size_t count;
    struct removed records[RECORDS_PER_COMMIT];
};

// What the names of all its meters begin with.
static struct slice prefix_of(struct slice subject, struct limit_name *out)
{
    out->bytes[0] = LIMIT_OF_CUSTOM;
    out->bytes[1] = (uint8_t)subject.size;
    memcpy(&out->bytes[2], subject.data, subject.size);
    out->size = 2 + subject.size;
    return limit_name_slice(out);
}

static void note(struct meter_removal_work *work, struct slice name, struct slice bytes)
{
    struct removed *removed = &work->records[work->count++];
    struct limit_record record = {.maker = 0};
    arena_reset(work->arena);
    removed->name.size = name.size <= sizeof removed->name.bytes ? name.size : 0;
    memcpy(removed->name.bytes, name.data, removed->name.size);
    status_ignore(meter_record_unpack(bytes, NULL, work->arena, &record), "one that cannot be read is removed as well");
    removed->maker = record.maker;
}

static enum status find_some(struct meter_removal_work *work, struct store_txn *txn)
{
    struct limit_name start;
    struct slice prefix = prefix_of(work->removal->subject, &start), name, bytes;
    struct store_cursor *cursor = NULL;
    work->count = 0;
    enum status status = store_cursor_open_at(txn, TABLE_CUSTOM, prefix, &cursor, &name, &bytes);
    while (status == STATUS_OK && work->count < RECORDS_PER_COMMIT && name.size >= prefix.size &&
           memcmp(name.data, prefix.data, prefix.size) == 0) {
        note(work, name, bytes);
        status = store_cursor_next(cursor, &name, &bytes);
    }
    store_cursor_close(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status renew(const struct meter_removal_work *work)
{
    return limit_renew(work->cache->limits, work->removal->subject) ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

static void run(struct store_job *job, struct store_txn *txn)
{
    struct meter_removal_work *work = CONTAINER_OF(job, struct meter_removal_work, job);
    work->status = renew(work);
    if (work->status == STATUS_OK)
        work->status = find_some(work, txn);
    for (size_t i = 0; i < work->count && work->status == STATUS_OK; i++) {
        const struct removed *removed = &work->records[i];
        custom_write(work->cache, txn, limit_name_slice(&removed->name), removed->maker, slice_empty());
    }
}

static void finish(struct meter_removal_work *work, enum status status)
{
    struct meter_removal *removal = work->removal;
    arena_free(work->arena);
    free(work);
    removal->done(removal, status);
}

static void done(struct store_job *job, enum status status)
{
    struct meter_removal_work *work = CONTAINER_OF(job, struct meter_removal_work, job);
    share_end_commit(&work->cache->custom.shares, status == STATUS_OK);
    if (status != STATUS_OK)
        share_doubt(&work->cache->custom.shares);
    if (status == STATUS_OK)
        status = work->status;
    if (status == STATUS_OK)
        status = renew(work);
    work->removal->records += status == STATUS_OK ? work->count : 0;
    if (status == STATUS_OK && work->count == RECORDS_PER_COMMIT)
        store_submit(work->cache->store, job);
    else
        finish(work, status);
}

void meter_remove_custom(struct meter_cache *cache, struct meter_removal *removal)
{
    struct meter_removal_work *work = calloc(1, sizeof *work);
    struct arena *arena = arena_new(REMOVAL_ARENA_BYTES);
    removal->records = 0;
    if (work == NULL || arena == NULL) {
        arena_free(arena);
        free(work);
        removal->done(removal, STATUS_RESOURCE_EXHAUSTED);
        return;
    }
    work->cache = cache;
    work->removal = removal;
    work->arena = arena;
    work->job = (struct store_job){.urgent = true, .run = run, .done = done};
    store_submit(cache->store, &work->job);
}
