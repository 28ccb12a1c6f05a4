// Reaches into a closed registry's environment behind the daemon's back, as a failing disk or an intruder would.
//
// Threads: one; never while the environment is open.
#ifndef SUPPORT_REGISTRY_RAW_H
#define SUPPORT_REGISTRY_RAW_H

#include "base/slice.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct raw {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;
};

static inline void raw_demand(int code, const char *what)
{
    if (code == 0)
        return;
    fprintf(stderr, "raw: %s: %s\n", what, mdb_strerror(code));
    abort();
}

static inline struct raw raw_begin(const char *path, const char *table)
{
    struct raw raw;
    raw_demand(mdb_env_create(&raw.env), "create");
    raw_demand(mdb_env_set_maxdbs(raw.env, 32), "tables");
    raw_demand(mdb_env_set_mapsize(raw.env, (size_t)256 * 1024 * 1024), "map size");
    raw_demand(mdb_env_open(raw.env, path, MDB_NOSYNC, 0600), path); // no machine dies here
    raw_demand(mdb_txn_begin(raw.env, NULL, 0, &raw.txn), "begin");
    raw_demand(mdb_dbi_open(raw.txn, table, 0, &raw.table), table);
    return raw;
}

static inline void raw_end(struct raw *raw)
{
    raw_demand(mdb_txn_commit(raw->txn), "commit");
    mdb_env_close(raw->env);
}

static inline MDB_val raw_val(struct slice slice)
{
    return (MDB_val){.mv_size = slice.size, .mv_data = (void *)(uintptr_t)slice.data};
}

static inline void raw_put(const char *path, const char *table, struct slice key, struct slice value)
{
    struct raw raw = raw_begin(path, table);
    MDB_val at = raw_val(key);
    MDB_val data = raw_val(value);
    raw_demand(mdb_put(raw.txn, raw.table, &at, &data, 0), "put");
    raw_end(&raw);
}

static inline void raw_delete(const char *path, const char *table, struct slice key)
{
    struct raw raw = raw_begin(path, table);
    MDB_val at = raw_val(key);
    raw_demand(mdb_del(raw.txn, raw.table, &at, NULL), "delete");
    raw_end(&raw);
}

// Inverts the lowest bit of one byte of a value. Returns the value's size.
static inline size_t raw_flip(const char *path, const char *table, struct slice key, size_t offset)
{
    struct raw raw = raw_begin(path, table);
    MDB_val at = raw_val(key);
    MDB_val data;
    raw_demand(mdb_get(raw.txn, raw.table, &at, &data), "get");
    size_t size = data.mv_size;
    uint8_t *copy = malloc(size);
    if (copy == NULL || offset >= size)
        abort();
    memcpy(copy, data.mv_data, size);
    copy[offset] ^= 1;
    data.mv_data = copy;
    raw_demand(mdb_put(raw.txn, raw.table, &at, &data, 0), "put");
    raw_end(&raw);
    free(copy);
    return size;
}

// The n-th key of a table, copied into `out`; its size, or 0 when there are fewer.
static inline size_t raw_key_at(const char *path, const char *table, size_t n, uint8_t out[511])
{
    struct raw raw = raw_begin(path, table);
    MDB_cursor *cursor = NULL;
    MDB_val key = {.mv_size = 0};
    MDB_val data;
    raw_demand(mdb_cursor_open(raw.txn, raw.table, &cursor), "cursor");
    int code = mdb_cursor_get(cursor, &key, &data, MDB_FIRST);
    for (size_t i = 0; i < n && code == 0; i++)
        code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
    size_t size = code == 0 ? key.mv_size : 0;
    if (size > 0)
        memcpy(out, key.mv_data, size);
    mdb_cursor_close(cursor);
    raw_end(&raw);
    return size;
}

#endif
