// Taking the daemon's time back, offline: see authorizer_clear_clock.
#include "authorizer/internal.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_PER_COMMIT = 512, CLEAR_ARENA_BYTES = 64 * 1024 };

static const unsigned meter_tables[] = {TABLE_METER, TABLE_CUSTOM};
enum { METER_TABLES = sizeof meter_tables / sizeof meter_tables[0] };

struct clear {
    struct store_job job;
    struct authorizer_cleared *cleared;
    struct clock_mark mark; // the new one
    struct arena *arena;
    size_t table;           // index in meter_tables
    struct limit_name from; // where this job goes on: just behind the last name that was looked at
    struct limit_name *names;
    size_t name_count;
    bool finished; // with all tables
    enum status status;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
};

static struct clear *clear_of(struct store_job *job)
{
    return (struct clear *)(void *)((char *)job - offsetof(struct clear, job));
}

static void copy_name(struct limit_name *to, struct slice name)
{
    to->size = name.size < sizeof to->bytes ? name.size : sizeof to->bytes - 1;
    memcpy(to->bytes, name.data, to->size);
}

// What cannot be read is left for the daemon to complain about.
static bool is_from_future(struct clear *clear, struct slice bytes)
{
    struct limit_record record;
    bool future =
        registry_unpack_meter(bytes, clear->arena, &record) == STATUS_OK && record.t_ms > clear->cleared->new_ms;
    arena_reset(clear->arena);
    return future;
}

// Up to the end of the table, which is NOT_FOUND, or as many as one commit is to carry.
static enum status collect_names(struct clear *clear, struct store_txn *txn)
{
    struct store_cursor *cursor = NULL;
    struct slice name, bytes;
    clear->name_count = 0;
    enum status status = store_cursor_open(txn, meter_tables[clear->table], &cursor);
    if (status == STATUS_OK)
        status = store_cursor_seek(cursor, slice_make(clear->from.bytes, clear->from.size), &name, &bytes);
    while (status == STATUS_OK && clear->name_count < NAMES_PER_COMMIT) {
        copy_name(&clear->from, name);
        clear->from.bytes[clear->from.size++] = 0; // no name is as long as there is room for
        clear->cleared->meters++;
        if (is_from_future(clear, bytes))
            copy_name(&clear->names[clear->name_count++], name);
        status = store_cursor_next(cursor, &name, &bytes);
    }
    store_cursor_close(cursor);
    return status;
}

static enum status write_mark(struct clear *clear, struct store_txn *txn)
{
    struct slice bytes;
    if (!registry_pack_clock(&clear->mark, clear->arena, &bytes))
        return STATUS_RESOURCE_EXHAUSTED;
    store_put(txn, TABLE_CLOCK, slice_text("mark"), bytes);
    return STATUS_OK;
}

static void clear_run(struct store_job *job, struct store_txn *txn)
{
    struct clear *clear = clear_of(job);
    unsigned table = meter_tables[clear->table];
    clear->status = collect_names(clear, txn);
    if (clear->status == STATUS_NOT_FOUND) {
        clear->status = STATUS_OK;
        clear->from.size = 0;
        clear->finished = ++clear->table == METER_TABLES;
    }
    for (size_t i = 0; i < clear->name_count && clear->status == STATUS_OK; i++)
        store_delete(txn, table, slice_make(clear->names[i].bytes, clear->names[i].size));
    if (clear->status == STATUS_OK && clear->finished)
        clear->status = write_mark(clear, txn);
}

static void clear_done(struct store_job *job, enum status status)
{
    struct clear *clear = clear_of(job);
    pthread_mutex_lock(&clear->lock);
    if (status != STATUS_OK)
        clear->status = status;
    clear->is_done = true;
    pthread_cond_signal(&clear->done);
    pthread_mutex_unlock(&clear->lock);
}

static enum status run_once(struct clear *clear, struct store *meters)
{
    clear->is_done = false;
    store_submit(meters, &clear->job);
    pthread_mutex_lock(&clear->lock);
    while (!clear->is_done)
        pthread_cond_wait(&clear->done, &clear->lock);
    pthread_mutex_unlock(&clear->lock);
    if (clear->status == STATUS_OK)
        clear->cleared->dropped += clear->name_count;
    return clear->status;
}

static enum status run_all(struct clear *clear, struct store *meters)
{
    clear->arena = arena_new(CLEAR_ARENA_BYTES);
    clear->names = calloc(NAMES_PER_COMMIT, sizeof *clear->names);
    enum status status = clear->arena != NULL && clear->names != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
    while (status == STATUS_OK && !clear->finished)
        status = run_once(clear, meters);
    free(clear->names);
    arena_free(clear->arena);
    return status;
}

// The new mark; FAILED_PRECONDITION when the old one is not ahead of the wall clock.
static enum status look(struct clear *clear, struct clock_source source, const struct clock_mark *stored)
{
    struct clock *before = clock_new(source, stored);
    struct clock *after = clock_new(source, NULL);
    enum status status = before != NULL && after != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_OK) {
        clear->mark = clock_mark(after);
        clear->cleared->old_ms = clock_now_ms(before);
        clear->cleared->new_ms = clear->mark.high_ms;
        if (clock_ahead_ms(before) <= FENCE_SLACK_MS)
            status = STATUS_FAILED_PRECONDITION;
    }
    clock_free(before);
    clock_free(after);
    return status;
}

enum status authorizer_clear_clock(struct store *meters, struct clock_source source, struct authorizer_cleared *out)
{
    struct clear clear = {.job = {.run = clear_run, .done = clear_done}, .cleared = out};
    struct clock_mark stored;
    *out = (struct authorizer_cleared){0};
    enum status status = authorizer_load_clock(meters, &stored);
    if (status == STATUS_OK)
        status = look(&clear, source, &stored);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_init(&clear.lock, NULL); // cannot fail with default attributes
    pthread_cond_init(&clear.done, NULL);
    status = run_all(&clear, meters);
    pthread_mutex_destroy(&clear.lock);
    pthread_cond_destroy(&clear.done);
    return status;
}
