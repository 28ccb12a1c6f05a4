// Removes hours that are older than usage is kept. The key of an hour begins with its time, so the oldest are at the
// front of their table, and a few are removed in each job.
#include <string.h>

#include "base/container.h"
#include "usage/internal.h"

static struct usage *owner_of(struct store_job *job)
{
    return CONTAINER_OF(job, struct usage, sweep.job);
}

static uint32_t hour_in(struct slice key)
{
    uint32_t hour = 0;
    for (size_t i = 0; i < 4 && i < key.size; i++)
        hour = hour << 8 | key.data[i];
    return hour;
}

// Copies the keys of old hours, because nothing may be deleted while the cursor is open.
static enum status find_old(struct usage_sweep *sweep, struct store_cursor *cursor)
{
    static const uint8_t lowest = 0;
    struct slice key;
    struct slice value;
    enum status status = store_cursor_seek(cursor, slice_make(&lowest, 1), &key, &value);
    while (status == STATUS_OK && sweep->count < USAGE_SWEEP_MAX) {
        if (hour_in(key) >= sweep->before || key.size > USAGE_HOUR_KEY_MAX)
            return STATUS_NOT_FOUND;
        memcpy(sweep->keys[sweep->count], key.data, key.size);
        sweep->sizes[sweep->count++] = (uint8_t)key.size;
        status = store_cursor_next(cursor, &key, &value);
    }
    return status;
}

static void run(struct store_job *job, struct store_txn *txn)
{
    struct usage *usage = owner_of(job);
    struct usage_sweep *sweep = &usage->sweep;
    struct store_cursor *cursor;
    unsigned table = usage->options.table_base + USAGE_TABLE_HOUR;
    if (store_cursor_open(txn, table, &cursor) != STATUS_OK)
        return;
    sweep->complete = find_old(sweep, cursor) == STATUS_NOT_FOUND;
    store_cursor_close(cursor);
    for (size_t i = 0; i < sweep->count; i++)
        store_delete(txn, table, slice_make(sweep->keys[i], sweep->sizes[i]));
}

static void done(struct store_job *job, enum status status)
{
    struct usage *usage = owner_of(job);
    pthread_mutex_lock(&usage->job_mutex);
    if (status == STATUS_OK && usage->sweep.complete)
        usage->sweep.done_until = usage->sweep.before;
    if (status == STATUS_OK)
        atomic_fetch_add(&usage->removed, usage->sweep.count);
    usage->sweeping = false;
    pthread_cond_broadcast(&usage->job_ended);
    pthread_mutex_unlock(&usage->job_mutex);
}

void usage_sweep_start(struct usage *usage, uint32_t before)
{
    pthread_mutex_lock(&usage->job_mutex);
    bool start = !usage->sweeping && usage->sweep.done_until < before;
    usage->sweeping |= start;
    pthread_mutex_unlock(&usage->job_mutex);
    if (!start)
        return;
    usage->sweep.before = before;
    usage->sweep.count = 0;
    usage->sweep.complete = false;
    usage->sweep.job.run = run;
    usage->sweep.job.done = done;
    store_submit(usage->options.store, &usage->sweep.job);
}
