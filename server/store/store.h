// One LMDB environment with named tables, snapshots for reading and one writer thread that commits many jobs at once.
//
// Owns: the environment, its file and the writer thread. The only room that knows LMDB. Default durability: a commit is
// on disk (fsync) before anybody hears of it.
// Threads: a view (read snapshot) belongs to one thread at a time; store_submit may be called from any thread and never
// blocks on I/O. Jobs run and finish on the writer thread.
// Time: none here.
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/log.h"
#include "base/slice.h"
#include "base/status.h"

enum { STORE_KEY_MAX = 511, STORE_TABLES_MAX = 32 };

struct store;
struct store_txn; // a read snapshot or the writer's transaction

struct store_options {
    const char *path;          // directory, made (0700) if missing
    const char *const *tables; // names; a table is addressed by its index here. Must outlive the store
    size_t table_count;
    size_t map_size_bytes; // fixed for the life of the environment
    unsigned max_readers;
    const struct log *log;
};

// UNAVAILABLE (cannot be opened or made; the note says path and cause), RESOURCE_EXHAUSTED (no memory or threads).
STATUS_MUST_CHECK enum status store_open(const struct store_options *options, struct store **out,
                                         struct status_note *note);
// Finishes every submitted job, then stops the writer and closes. No view may be open. NULL-safe.
void store_close(struct store *store);

// --- reading. A view is opened once per worker and renewed for each request; a snapshot should live microseconds.
// RESOURCE_EXHAUSTED when memory or the readers are used up. The environment is opened again when LMDB gives up after a
// failed write; views go on by themselves, store_view_begin is UNAVAILABLE meanwhile.
STATUS_MUST_CHECK enum status store_view_open(struct store *store, struct store_txn **out);
void store_view_close(struct store_txn *view);                          // NULL-safe
STATUS_MUST_CHECK enum status store_view_begin(struct store_txn *view); // UNAVAILABLE when LMDB refuses
void store_view_end(struct store_txn *view);                            // values read from it are gone

// OK, NOT_FOUND, or UNAVAILABLE (I/O). The value points into the map, until the view ends or the job's run returns, and
// inside a job until the next write; do not hand it to a write of the same job. An empty or too long key is NOT_FOUND.
STATUS_MUST_CHECK enum status store_get(struct store_txn *txn, unsigned table, struct slice key, struct slice *value);

// How many records the table has, as the transaction sees it. OK or UNAVAILABLE.
STATUS_MUST_CHECK enum status store_count(struct store_txn *txn, unsigned table, uint64_t *count);

// Walks a table in key order. Open (any number per transaction), seek to the first key >= `from`, next, close.
// seek and next: OK, NOT_FOUND at the end, UNAVAILABLE. In a job, do not write to the table while a cursor is open.
struct store_cursor;
STATUS_MUST_CHECK enum status store_cursor_open(struct store_txn *txn, unsigned table, struct store_cursor **out);
void store_cursor_close(struct store_cursor *cursor); // NULL-safe
STATUS_MUST_CHECK enum status store_cursor_seek(struct store_cursor *cursor, struct slice from, struct slice *key,
                                                struct slice *value);
STATUS_MUST_CHECK enum status store_cursor_next(struct store_cursor *cursor, struct slice *key, struct slice *value);

// --- writing, inside a job's run only. Errors stick to the transaction: the whole batch then fails at its commit, so
// callers need not check each one. Deleting what is not there is fine.
void store_put(struct store_txn *txn, unsigned table, struct slice key, struct slice value);
void store_delete(struct store_txn *txn, unsigned table, struct slice key);

// Work for the writer. The submitter owns the memory until `done` has been called.
struct store_job {
    struct store_job *next; // the store's
    // Reads and writes inside the batch's transaction; jobs of one batch see each other in the order of submission.
    // Not called when the transaction cannot begin or has failed already: `done` must not rely on it, unless OK.
    void (*run)(struct store_job *job, struct store_txn *txn);
    // After the commit: OK, or UNAVAILABLE (then nothing is known: the batch may or may not be on disk),
    // or RESOURCE_EXHAUSTED (the map or memory is full; nothing was written). Must not block. May submit again.
    void (*done)(struct store_job *job, enum status status);
};
void store_submit(struct store *store, struct store_job *job);

// Submits a job and waits for its commit, and with it for everything that was submitted before. Returns the work's own
// status once that is committed. Not for the writer's thread.
// Errors: those of `done` above; RESOURCE_EXHAUSTED also when there is no semaphore.
typedef enum status store_work_fn(struct store_txn *txn, void *context);
STATUS_MUST_CHECK enum status store_run(struct store *store, store_work_fn *work, void *context);

// What Health says.
struct store_health {
    enum status last_commit; // OK, or why the last one failed
    uint64_t commits;        // since open; a batch that wrote nothing is none
    uint64_t jobs;           // run or failed
    uint64_t map_used_bytes; // pages in use; freed ones do not count
    uint64_t map_size_bytes;
};
struct store_health store_health(struct store *store);

// Frees reader slots of processes that died; called at open and by the scheduler.
void store_check_readers(struct store *store);

#endif
