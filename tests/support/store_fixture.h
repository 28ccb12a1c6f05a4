// A store in a temporary directory, and jobs that a test can wait for.
//
// Threads: a call belongs to the thread that made it; a gate holds the writer so that what is submitted meanwhile
// becomes one batch.
#ifndef SUPPORT_STORE_FIXTURE_H
#define SUPPORT_STORE_FIXTURE_H

#include "store/store.h"
#include "support/tempdir.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum fixture_table { TABLE_FIRST, TABLE_SECOND };

struct store_fixture {
    struct tempdir directory;
    char path[PATH_MAX];
    FILE *log_file;
    struct log log;
    struct store_options options;
    struct store *store;
};

static inline void fixture_make(struct store_fixture *fixture, size_t map_size_bytes)
{
    static const char *const tables[] = {"first", "second"};
    *fixture = (struct store_fixture){.directory = tempdir_make(), .log_file = tmpfile()};
    if (fixture->log_file == NULL) {
        abort();
    }
    fixture->log = (struct log){.level = LOG_LEVEL_DEBUG, .fd = fileno(fixture->log_file)};
    fixture->options = (struct store_options){
        .path = tempdir_join(&fixture->directory, "store", fixture->path),
        .tables = tables,
        .table_count = sizeof tables / sizeof tables[0],
        .map_size_bytes = map_size_bytes,
        .max_readers = 8,
        .log = &fixture->log,
    };
}

static inline void fixture_open(struct store_fixture *fixture)
{
    struct status_failure failure = {0};
    if (store_open(&fixture->options, &fixture->store, &failure) != STATUS_OK) {
        fprintf(stderr, "%s\n", failure.message);
        abort();
    }
}

static inline void fixture_close(struct store_fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

static inline void fixture_remove(struct store_fixture *fixture)
{
    fixture_close(fixture);
    fclose(fixture->log_file);
    tempdir_remove(&fixture->directory);
}

// How many lines of the log contain the text.
static inline unsigned fixture_log_count(struct store_fixture *fixture, const char *text)
{
    char line[4096];
    unsigned count = 0;
    rewind(fixture->log_file);
    while (fgets(line, sizeof line, fixture->log_file) != NULL) {
        count += strstr(line, text) != NULL ? 1 : 0;
    }
    return count;
}

// --- a job with the work as a function, that can be waited for
struct call {
    struct store_job job; // first: a job is a call
    void (*work)(struct store_txn *txn, void *context);
    void *context;
    enum status status;
    atomic_uint done_count;
    atomic_uint *order; // counts all that are done; NULL when nobody asks
    unsigned place;     // its value when this was done
    sem_t done;
};

static inline void call_run(struct store_job *job, struct store_txn *txn)
{
    struct call *call = (struct call *)job;
    call->work(txn, call->context);
}

static inline void call_done(struct store_job *job, enum status status)
{
    struct call *call = (struct call *)job;
    call->status = status;
    if (call->order != NULL) {
        call->place = atomic_fetch_add(call->order, 1);
    }
    atomic_fetch_add(&call->done_count, 1);
    sem_post(&call->done);
}

static inline void call_submit_job(struct store *store, struct call *call, struct store_job job,
                                   void (*work)(struct store_txn *txn, void *context), void *context)
{
    *call = (struct call){.job = job, .work = work, .context = context};
    call->job.run = call_run;
    call->job.done = call_done;
    sem_init(&call->done, 0, 0);
    store_submit(store, &call->job);
}

static inline void call_submit_as(struct store *store, struct call *call, bool urgent,
                                  void (*work)(struct store_txn *txn, void *context), void *context)
{
    call_submit_job(store, call, (struct store_job){.urgent = urgent}, work, context);
}

static inline void call_submit(struct store *store, struct call *call,
                               void (*work)(struct store_txn *txn, void *context), void *context)
{
    call_submit_as(store, call, false, work, context);
}

static inline enum status call_wait(struct call *call)
{
    while (sem_wait(&call->done) != 0) {
    }
    sem_destroy(&call->done);
    return call->status;
}

static inline enum status call_now(struct store *store, void (*work)(struct store_txn *txn, void *context),
                                   void *context)
{
    struct call call;
    call_submit(store, &call, work, context);
    return call_wait(&call);
}

// --- a gate
struct gate {
    struct call call;
    sem_t entered;
    sem_t open;
};

static inline void gate_work(struct store_txn *txn, void *context)
{
    struct gate *gate = context;
    (void)txn;
    sem_post(&gate->entered);
    while (sem_wait(&gate->open) != 0) {
    }
}

// The writer stands still from here on.
static inline void gate_shut(struct store *store, struct gate *gate)
{
    sem_init(&gate->entered, 0, 0);
    sem_init(&gate->open, 0, 0);
    call_submit(store, &gate->call, gate_work, gate);
    while (sem_wait(&gate->entered) != 0) {
    }
}

static inline void gate_open(struct gate *gate)
{
    sem_post(&gate->open);
}

static inline void gate_wait(struct gate *gate)
{
    status_ignore(call_wait(&gate->call), "a gate writes nothing");
    sem_destroy(&gate->entered);
    sem_destroy(&gate->open);
}

// --- small pieces of work
struct pair {
    unsigned table;
    const char *key;
    const char *value;
};

static inline void put_pair(struct store_txn *txn, void *context)
{
    const struct pair *pair = context;
    store_put(txn, pair->table, slice_text(pair->key), slice_text(pair->value));
}

static inline void delete_pair(struct store_txn *txn, void *context)
{
    const struct pair *pair = context;
    store_delete(txn, pair->table, slice_text(pair->key));
}

#endif
