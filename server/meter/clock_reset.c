// The clock reset: takes the daemon's time back, offline (see meter_reset_clock).
//
// The problem: the daemon's time never goes back by itself, so once it has followed a wall clock that was far ahead, it
// stays there. A new mark alone is not enough: meters that were written in that future would stand still until it
// comes. So the reset walks over all records, a bounded number in each commit, and deletes those from the future; the
// last commit has the new mark. If anything fails before that, the old mark is still there, and the reset can be
// repeated.
#include "meter/internal.h"
#include "meter/record.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_PER_COMMIT = 512, RESET_ARENA_BYTES = 64 * 1024 };

static const unsigned tables[] = {TABLE_METER, TABLE_CUSTOM};
enum { METER_TABLES = sizeof tables / sizeof tables[0] };

struct reset {
    struct store_job job;
    enum status status; // of the job's work
    struct meter_clock_reset *result;
    struct clock_mark mark; // the new one
    struct arena *arena;
    size_t table;           // index in tables
    struct limit_name from; // where this job goes on: just behind the last name that was looked at
    struct limit_name *names;
    size_t name_count;
    bool finished; // with all tables
};

static void copy_name(struct limit_name *to, struct slice name)
{
    to->size = name.size < sizeof to->bytes ? name.size : sizeof to->bytes - 1;
    memcpy(to->bytes, name.data, to->size);
}

// A record that cannot be read stays, so that the daemon complains about it.
static bool is_from_future(struct reset *reset, struct slice bytes)
{
    struct limit_record record;
    bool future =
        meter_record_unpack(bytes, NULL, reset->arena, &record) == STATUS_OK && record.t_ms > reset->result->new_ms;
    arena_reset(reset->arena);
    return future;
}

// Collects names up to the end of the table (NOT_FOUND), or as many as one commit should carry.
static enum status collect_names(struct reset *reset, struct store_txn *txn)
{
    struct store_cursor *cursor = NULL;
    struct slice name, bytes;
    reset->name_count = 0;
    enum status status =
        store_cursor_open_at(txn, tables[reset->table], limit_name_slice(&reset->from), &cursor, &name, &bytes);
    while (status == STATUS_OK && reset->name_count < NAMES_PER_COMMIT) {
        copy_name(&reset->from, name);
        reset->from.bytes[reset->from.size++] = 0; // no name fills its room
        reset->result->meters++;
        if (is_from_future(reset, bytes))
            copy_name(&reset->names[reset->name_count++], name);
        status = store_cursor_next(cursor, &name, &bytes);
    }
    store_cursor_close(cursor);
    return status;
}

static enum status write_mark(struct reset *reset, struct store_txn *txn)
{
    struct slice bytes;
    if (!meter_mark_pack(&reset->mark, reset->arena, &bytes))
        return STATUS_RESOURCE_EXHAUSTED;
    store_put(txn, TABLE_CLOCK, slice_text("mark"), bytes);
    return STATUS_OK;
}

// One commit's work.
static enum status reset_some(struct reset *reset, struct store_txn *txn)
{
    unsigned table = tables[reset->table];
    enum status status = collect_names(reset, txn);
    if (status == STATUS_NOT_FOUND) {
        status = STATUS_OK;
        reset->from.size = 0;
        reset->finished = ++reset->table == METER_TABLES;
    }
    for (size_t i = 0; i < reset->name_count && status == STATUS_OK; i++)
        store_delete(txn, table, limit_name_slice(&reset->names[i]));
    return status == STATUS_OK && reset->finished ? write_mark(reset, txn) : status;
}

static void run_some(struct store_job *job, struct store_txn *txn)
{
    struct reset *reset = CONTAINER_OF(job, struct reset, job);
    reset->status = reset_some(reset, txn);
}

static enum status run_all(struct reset *reset, struct store *store)
{
    reset->arena = arena_new(RESET_ARENA_BYTES);
    reset->names = calloc(NAMES_PER_COMMIT, sizeof *reset->names);
    enum status status = reset->arena != NULL && reset->names != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
    while (status == STATUS_OK && !reset->finished) {
        reset->job.run = run_some;
        status = store_run(store, &reset->job);
        if (status == STATUS_OK)
            status = reset->status;
        reset->result->dropped += status == STATUS_OK ? reset->name_count : 0;
    }
    free(reset->names);
    arena_free(reset->arena);
    return status;
}

// Makes the new mark; FAILED_PRECONDITION when the old one is not ahead of the wall clock.
static enum status look(struct reset *reset, struct clock_source source, const struct clock_mark *stored)
{
    struct clock *before = clock_new(source, stored);
    struct clock *after = clock_new(source, NULL);
    enum status status = before != NULL && after != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
    if (status == STATUS_OK) {
        reset->mark = clock_mark(after);
        reset->result->old_ms = clock_now_ms(before);
        reset->result->new_ms = reset->mark.high_ms;
        if (clock_ahead_ms(before) <= FENCE_SLACK_MS)
            status = STATUS_FAILED_PRECONDITION;
    }
    clock_free(before);
    clock_free(after);
    return status;
}

enum status meter_reset_clock(struct store *store, struct clock_source source, struct meter_clock_reset *out)
{
    struct reset reset = {.result = out};
    struct clock_mark stored;
    *out = (struct meter_clock_reset){0};
    enum status status = meter_load_clock(store, &stored);
    if (status == STATUS_OK)
        status = look(&reset, source, &stored);
    return status == STATUS_OK ? run_all(&reset, store) : status;
}
