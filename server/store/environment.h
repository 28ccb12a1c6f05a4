// The LMDB environment under a store: its directory, its file and its tables. Private to the room.
//
// Threads: none of its own; the callers see to it that nobody uses an environment while it is opened or closed.
#ifndef STORE_ENVIRONMENT_H
#define STORE_ENVIRONMENT_H

#include "store/store.h"

#include <lmdb.h>
#include <sys/types.h>

struct environment {
    MDB_env *env; // NULL when closed
    MDB_dbi tables[STORE_TABLES_MAX];
    size_t table_count;
    uint64_t map_size_bytes;
    dev_t device; // of data.mdb
    ino_t inode;
};

// The status of an LMDB return code for somebody who reads or writes.
enum status environment_status(int code);

// Makes what is missing and opens the rest. UNAVAILABLE or RESOURCE_EXHAUSTED with the note filled in; then it is
// closed.
STATUS_MUST_CHECK enum status environment_open(struct environment *environment, const struct store_options *options,
                                               struct status_note *note);
// The same after a fatal error: closes, then opens the file that was open. UNAVAILABLE when another one, or none, has
// its place: going on with an empty store would refuse every key.
STATUS_MUST_CHECK enum status environment_open_again(struct environment *environment,
                                                     const struct store_options *options, struct status_note *note);
void environment_close(struct environment *environment); // closing twice is fine

// Bytes of the pages in use, as the transaction sees them. Pages that were freed do not count: they are used again.
uint64_t environment_used_bytes(const struct environment *environment, MDB_txn *txn);

#endif
