// The LMDB environment under a store: its directory, its file and its tables. Private to the room.
//
// Threads: one at a time opens or closes an environment, and nobody may use it meanwhile.
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

// Returns the status that stands for an LMDB return code.
enum status environment_status(int code);

// Makes the directory, the file and the tables where they are missing, and opens them. After an error it is closed.
// Errors:
//   UNAVAILABLE         something cannot be made or opened; the failure says what
//   RESOURCE_EXHAUSTED  memory is out
STATUS_MUST_CHECK enum status environment_open(struct environment *environment, const struct store_options *options,
                                               struct status_failure *failure);
// Closes the environment after a fatal error and opens the same file again. It never makes one: an empty store would
// refuse every key.
// Errors:
//   UNAVAILABLE  also when the file is gone or another one has its place
//   others       as environment_open
STATUS_MUST_CHECK enum status environment_open_again(struct environment *environment,
                                                     const struct store_options *options,
                                                     struct status_failure *failure);
void environment_close(struct environment *environment); // closing twice is fine

// Returns the bytes of the map pages in use, as the transaction sees them. Freed ones do not count: LMDB uses them
// again.
uint64_t environment_used_bytes(const struct environment *environment, MDB_txn *txn);

#endif
