// Reads and writes of a transaction. An error of a batch sticks to it, so that its commit fails.
#include "store/parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct store_cursor {
    struct store_txn *txn;
    MDB_cursor *cursor;
};

static MDB_val to_val(struct slice slice)
{
    // MDB_val serves both directions and is therefore not const; LMDB does not write through what it is given.
    return (MDB_val){.mv_size = slice.size, .mv_data = (void *)(uintptr_t)slice.data};
}

static MDB_dbi table_handle(const struct store_txn *txn, unsigned table)
{
    assert(table < txn->store->environment.table_count);
    return txn->store->environment.tables[table];
}

// When a job could not read, its writes must not be committed: it may have decided on half the facts.
static enum status note_error(struct store_txn *txn, int code)
{
    if (txn->is_batch && code != 0 && code != MDB_NOTFOUND && txn->error == 0)
        txn->error = code;
    return code == 0 ? STATUS_OK : code == MDB_NOTFOUND ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE;
}

enum status store_get(struct store_txn *txn, unsigned table, struct slice key, struct slice *value)
{
    *value = slice_empty();
    const MDB_dbi handle = table_handle(txn, table);
    if (txn->error != 0)
        return STATUS_UNAVAILABLE;
    if (key.size == 0 || key.size > STORE_KEY_MAX)
        return STATUS_NOT_FOUND;
    MDB_val wanted = to_val(key);
    MDB_val found;
    const int code = mdb_get(txn->txn, handle, &wanted, &found);
    if (code == 0)
        *value = slice_make(found.mv_data, found.mv_size);
    return note_error(txn, code);
}

enum status store_count(struct store_txn *txn, unsigned table, uint64_t *count)
{
    *count = 0;
    const MDB_dbi handle = table_handle(txn, table);
    if (txn->error != 0)
        return STATUS_UNAVAILABLE;
    MDB_stat stat;
    const int code = mdb_stat(txn->txn, handle, &stat);
    if (code == 0)
        *count = stat.ms_entries;
    return note_error(txn, code);
}

void store_put(struct store_txn *txn, unsigned table, struct slice key, struct slice value)
{
    assert(txn->is_batch);
    const MDB_dbi handle = table_handle(txn, table);
    if (txn->error != 0)
        return;
    MDB_val at = to_val(key);
    MDB_val data = to_val(value);
    const int code = mdb_put(txn->txn, handle, &at, &data, 0);
    txn->wrote |= code == 0;
    status_ignore(note_error(txn, code), "it sticks to the batch");
}

void store_delete(struct store_txn *txn, unsigned table, struct slice key)
{
    assert(txn->is_batch);
    const MDB_dbi handle = table_handle(txn, table);
    if (txn->error != 0 || key.size == 0 || key.size > STORE_KEY_MAX)
        return;
    MDB_val at = to_val(key);
    const int code = mdb_del(txn->txn, handle, &at, NULL);
    txn->wrote |= code == 0;
    status_ignore(note_error(txn, code), "it sticks to the batch");
}

enum status store_cursor_open(struct store_txn *txn, unsigned table, struct store_cursor **out)
{
    *out = NULL;
    const MDB_dbi handle = table_handle(txn, table);
    if (txn->error != 0)
        return STATUS_UNAVAILABLE;
    struct store_cursor *cursor = calloc(1, sizeof *cursor);
    if (cursor == NULL)
        return note_error(txn, ENOMEM);
    cursor->txn = txn;
    const enum status status = note_error(txn, mdb_cursor_open(txn->txn, handle, &cursor->cursor));
    if (status != STATUS_OK) {
        free(cursor);
        return status;
    }
    *out = cursor;
    return STATUS_OK;
}

void store_cursor_close(struct store_cursor *cursor)
{
    if (cursor == NULL)
        return;
    mdb_cursor_close(cursor->cursor);
    free(cursor);
}

static enum status move(struct store_cursor *cursor, MDB_cursor_op operation, MDB_val at, struct slice *key,
                        struct slice *value)
{
    *key = slice_empty();
    *value = slice_empty();
    if (cursor->txn->error != 0)
        return STATUS_UNAVAILABLE;
    MDB_val data = {0};
    const int code = mdb_cursor_get(cursor->cursor, &at, &data, operation);
    if (code == 0) {
        *key = slice_make(at.mv_data, at.mv_size);
        *value = slice_make(data.mv_data, data.mv_size);
    }
    return note_error(cursor->txn, code);
}

enum status store_cursor_seek(struct store_cursor *cursor, struct slice from, struct slice *key, struct slice *value)
{
    return move(cursor, from.size == 0 ? MDB_FIRST : MDB_SET_RANGE, to_val(from), key, value);
}

enum status store_cursor_open_at(struct store_txn *txn, unsigned table, struct slice from, struct store_cursor **out,
                                 struct slice *key, struct slice *value)
{
    const enum status status = store_cursor_open(txn, table, out);
    return status == STATUS_OK ? store_cursor_seek(*out, from, key, value) : status;
}

enum status store_cursor_next(struct store_cursor *cursor, struct slice *key, struct slice *value)
{
    return move(cursor, MDB_NEXT, (MDB_val){0}, key, value);
}
