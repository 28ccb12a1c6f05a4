// One LMDB environment with named tables, snapshots for reading and one writer thread that commits many jobs at once.
//
// Owns: the environment, its file and the writer thread. The only room that knows LMDB. A commit is on disk (fsync)
// before anybody hears of it.
// Threads: a view (read snapshot) belongs to one thread at a time; store_submit may be called from any thread and never
// blocks on I/O. Jobs run and finish on the writer thread.
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/durations.h"
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
    size_t reserve_bytes;  // beyond them, for urgent jobs alone
    unsigned max_readers;
    const struct log *log;
};

// Opens the store, makes it when it is missing, and starts the writer.
// Errors:
//   UNAVAILABLE         the store cannot be opened or made; the failure gives path and cause
//   RESOURCE_EXHAUSTED  there is no memory or no thread
STATUS_MUST_CHECK enum status store_open(const struct store_options *options, struct store **out,
                                         struct status_failure *failure);
// Finishes every submitted job, then stops the writer and closes. No view may be open. NULL-safe.
void store_close(struct store *store);

// --- reading

// Opens a view; a worker keeps one and begins it anew for each request. A snapshot should live microseconds.
// Errors:
//   RESOURCE_EXHAUSTED  memory or the readers are used up
//   UNAVAILABLE         LMDB refuses
STATUS_MUST_CHECK enum status store_view_open(struct store *store, struct store_txn **out);
void store_view_close(struct store_txn *view); // NULL-safe
// Begins a snapshot of what is committed now.
// Errors: UNAVAILABLE when LMDB refuses, or while the environment is opened again after a failed write. The view stays
// usable: begin it again later.
STATUS_MUST_CHECK enum status store_view_begin(struct store_txn *view);
void store_view_end(struct store_txn *view); // values read from it are gone

// Reads one value, which points into the map: until the view ends or the job's run returns, and in a job only until the
// next write. Do not hand it to a write of the same job.
// Errors:
//   NOT_FOUND    there is no such key, or it is empty or too long
//   UNAVAILABLE  it cannot be read, or the job's transaction has failed already
STATUS_MUST_CHECK enum status store_get(struct store_txn *txn, unsigned table, struct slice key, struct slice *value);

// Counts the records of a table, as the transaction sees it.
// Errors: UNAVAILABLE, as store_get.
STATUS_MUST_CHECK enum status store_count(struct store_txn *txn, unsigned table, uint64_t *count);

// A cursor walks a table in key order. A transaction may have any number of them. In a job, do not write to the table
// while a cursor is open on it.
struct store_cursor;
// Errors: UNAVAILABLE, as store_get; also when memory is out.
STATUS_MUST_CHECK enum status store_cursor_open(struct store_txn *txn, unsigned table, struct store_cursor **out);
void store_cursor_close(struct store_cursor *cursor); // NULL-safe
// Goes to the first key >= `from`, or to the next key.
// Errors:
//   NOT_FOUND    there are no more keys
//   UNAVAILABLE  as store_get
STATUS_MUST_CHECK enum status store_cursor_seek(struct store_cursor *cursor, struct slice from, struct slice *key,
                                                struct slice *value);
// Opens a cursor and goes to the first key >= `from`. It is to be closed, also when there is no such key.
// Errors: as store_cursor_open and store_cursor_seek.
STATUS_MUST_CHECK enum status store_cursor_open_at(struct store_txn *txn, unsigned table, struct slice from,
                                                   struct store_cursor **out, struct slice *key, struct slice *value);
STATUS_MUST_CHECK enum status store_cursor_next(struct store_cursor *cursor, struct slice *key, struct slice *value);

// --- writing

// Only inside a job's run. Errors stick to the transaction and the whole batch fails at its commit, so callers need not
// check each one. Deleting a key that is missing is fine.
void store_put(struct store_txn *txn, unsigned table, struct slice key, struct slice value);
void store_delete(struct store_txn *txn, unsigned table, struct slice key);

// Work for the writer. The submitter owns the memory until `done` has been called.
struct store_job {
    struct store_job *next; // the store's
    bool urgent;            // it is run before all that are not, and may use the reserve
    unsigned party;         // for whom: parties take turns, so that none waits for all that another one asks for
    // Reads and writes inside the batch's transaction; jobs of one batch see each other, the urgent ones first, then
    // those of each party in the order of submission.
    // It is not called when the transaction cannot begin or has failed already, so `done` may rely on it only when OK.
    void (*run)(struct store_job *job, struct store_txn *txn);
    // Called after the commit. Must not block; may submit the job again.
    // Errors:
    //   UNAVAILABLE         the commit failed: the batch may or may not be on disk
    //   RESOURCE_EXHAUSTED  the map or memory is full; nothing was written
    void (*done)(struct store_job *job, enum status status);
};
// Queues a job; the writer runs it.
void store_submit(struct store *store, struct store_job *job);

// Submits a job and waits until its `done`, which may be NULL, has returned.
// What its run has found out, a refusal for instance, it keeps beside the job. Not for the writer's thread.
// Errors:
//   RESOURCE_EXHAUSTED  there is no semaphore, and then nothing has been called; or as `done` is told
//   UNAVAILABLE         as `done` is told
STATUS_MUST_CHECK enum status store_run(struct store *store, struct store_job *job);

// What the call Health reports, and what metrics tell.
struct store_health {
    enum status last_commit;             // OK, or why the last one failed
    uint64_t commits;                    // since open; batches that wrote nothing do not count
    uint64_t jobs;                       // run or failed
    uint64_t map_used_bytes;             // map pages in use; freed ones do not count
    uint64_t map_size_bytes;             // without the reserve
    const struct durations *commit_time; // of a batch that wrote: its jobs and its flush; the store's
    const struct durations *flush_time;  // of it: to write its pages and to wait for the disk (fsync)
};
struct store_health store_health(struct store *store);

// Frees reader slots of processes that have died; called at open and by the scheduler.
void store_check_readers(struct store *store);

#endif
