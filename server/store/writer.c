// Each commit costs an fsync. So one thread takes all jobs that wait, runs them in one transaction, commits once, and
// only then tells their owners (group commit). Urgent jobs, revocations, wait for the batch under way alone, however
// many others wait; and where others wait, urgent ones fill no more than half of a batch. The others take turns by
// party, so that nobody waits for all that one party asks for. When the map is full, urgent jobs alone are run, and use
// the reserve.
#include "base/clock.h"
#include "base/container.h"
#include "base/thread.h"
#include "store/parts.h"

#include <errno.h>
#include <semaphore.h>
#include <string.h>

// Bounds how long the first job of a batch waits for the last one.
enum { BATCH_JOBS_MAX = 512 };

enum { MAP_WARN_PERCENT = 80, MAP_CALM_PERCENT = 75 };

enum { CALM_MAX = 64 }; // commits after which a failure is forgotten

// --- condition: what health and the log say

void store_writer_note_used(struct store *store, uint64_t used_bytes)
{
    struct store_writer *writer = &store->writer;
    const uint64_t size_bytes = store->environment.map_size_bytes;
    const uint64_t percent = size_bytes < 100 ? 0 : used_bytes / (size_bytes / 100);
    if (percent > MAP_WARN_PERCENT && !writer->map_warned) {
        log_line(store->options.log, LOG_LEVEL_WARNING,
                 "store %s: %llu of %llu bytes are in use; changes stop when all are: raise the map size and restart",
                 store->path, (unsigned long long)used_bytes, (unsigned long long)size_bytes);
        writer->map_warned = true;
    }
    if (percent < MAP_CALM_PERCENT)
        writer->map_warned = false;
    pthread_mutex_lock(&writer->mutex);
    writer->health.map_used_bytes = used_bytes;
    pthread_mutex_unlock(&writer->mutex);
}

static void note_commit(struct store *store, enum status status)
{
    struct store_writer *writer = &store->writer;
    pthread_mutex_lock(&writer->mutex);
    writer->health.last_commit = status;
    writer->health.commits += status == STATUS_OK ? 1 : 0;
    pthread_mutex_unlock(&writer->mutex);
}

// On a disk that is nearly full, small commits succeed between larger ones that fail, every second, and the log would
// report each change. So each time that writing fails again soon, it must work for twice as many commits before the log
// says that it works.
static void count_calm(struct store_writer *writer, enum status status)
{
    if (status == STATUS_OK) {
        writer->calm += writer->calm < CALM_MAX ? 1 : 0;
        writer->calm_needed = writer->calm < CALM_MAX ? writer->calm_needed : 0;
        return;
    }
    writer->calm = 0;
    if (writer->condition == STATUS_OK) {
        const unsigned needed = writer->calm_needed == 0 ? 1 : 2 * writer->calm_needed;
        writer->calm_needed = needed < CALM_MAX ? needed : CALM_MAX;
    }
}

static void log_condition(struct store *store, enum status status, int code)
{
    count_calm(&store->writer, status);
    if (status == store->writer.condition || (status == STATUS_OK && store->writer.calm < store->writer.calm_needed))
        return;
    store->writer.condition = status;
    if (status == STATUS_OK) {
        log_line(store->options.log, LOG_LEVEL_INFO, "store %s: changes are accepted again", store->path);
        return;
    }
    log_line(store->options.log, LOG_LEVEL_ERROR,
             "store %s: cannot write: %s; changes are refused until a write succeeds, reading goes on", store->path,
             mdb_strerror(code));
}

// --- the environment after a fatal error

static int begin_txn(struct store *store, MDB_txn **txn)
{
    return store->environment.env == NULL ? MDB_PANIC : mdb_txn_begin(store->environment.env, NULL, 0, txn);
}

// After a failed write of its meta page LMDB refuses everything, even reading, until it is opened again.
static bool has_panicked(struct store *store)
{
    MDB_txn *txn = NULL;
    const int code = begin_txn(store, &txn);
    if (code == 0)
        mdb_txn_abort(txn);
    return code == MDB_PANIC;
}

static void open_again(struct store *store)
{
    struct store_writer *writer = &store->writer;
    struct status_failure failure = {0};
    if (environment_open_again(&store->environment, &store->options, &failure) == STATUS_OK) {
        store_views_reopen(store);
        writer->reopen_failed = false;
        return;
    }
    if (!writer->reopen_failed) {
        log_line(store->options.log, LOG_LEVEL_ERROR, "cannot open the store again, trying with each change: %s",
                 failure.message);
        writer->reopen_failed = true;
    }
}

static void recover(struct store *store)
{
    // When there is no environment, an earlier attempt has shut the views and then failed.
    if (store->environment.env == NULL || store_views_shut(store))
        open_again(store);
}

// --- one batch

// Jobs behind the one that broke the transaction are not run: nothing that they write could be kept.
static void run_jobs(struct store_job *first, struct store_txn *txn)
{
    for (struct store_job *job = first; job != NULL && txn->error == 0; job = job->next)
        job->run(job, txn);
}

static int finish_txn(struct store *store, struct store_txn *txn)
{
    if (txn->error != 0 || !txn->wrote) {
        mdb_txn_abort(txn->txn);
        return txn->error;
    }
    const uint64_t used_bytes = environment_used_bytes(&store->environment, txn->txn);
    const uint64_t begin_ns = clock_span_ns();
    const int code = mdb_txn_commit(txn->txn); // frees the transaction, failed or not
    durations_note(&store->writer.flush_time, clock_span_ns() - begin_ns);
    if (code == 0)
        store_writer_note_used(store, used_bytes);
    return code;
}

static int begin_batch(struct store *store, MDB_txn **txn)
{
    int code = begin_txn(store, txn);
    if (code == MDB_PANIC) {
        recover(store);
        code = begin_txn(store, txn);
    }
    return code;
}

static enum status commit_jobs(struct store *store, struct store_job *first)
{
    struct store_txn txn = {.store = store, .is_batch = true};
    const uint64_t begin_ns = clock_span_ns();
    int code = begin_batch(store, &txn.txn);
    if (code == 0) {
        run_jobs(first, &txn);
        code = finish_txn(store, &txn);
        if (code == 0 && !txn.wrote)
            return STATUS_OK; // this says nothing about the disk
        if (code != 0 && has_panicked(store))
            recover(store); // at once, not with the next job, because readers wait for it
    }
    durations_note(&store->writer.commit_time, clock_span_ns() - begin_ns);
    const enum status status = environment_status(code);
    note_commit(store, status);
    log_condition(store, status, code);
    return status;
}

static void finish_jobs(struct store_job *first, enum status status)
{
    for (struct store_job *job = first; job != NULL;) {
        struct store_job *next = job->next; // `done` may free the job or submit it again
        job->done(job, status);
        job = next;
    }
}

// --- the thread and its queues

static void append(struct store_queue *queue, struct store_job *job)
{
    job->next = NULL;
    if (queue->first == NULL)
        queue->first = job;
    else
        queue->last->next = job;
    queue->last = job;
}

static void move(struct store_queue *from, struct store_queue *batch)
{
    struct store_job *job = from->first;
    from->first = job->next;
    append(batch, job);
}

// The next party that waits gives a job.
static void take_turn(struct store_writer *writer, struct store_queue *batch)
{
    struct store_queue *queue;
    do
        queue = &writer->ordinary[writer->turn++ % STORE_TURNS];
    while (queue->first == NULL);
    move(queue, batch);
    writer->ordinary_count--;
}

static bool has_jobs(const struct store_writer *writer)
{
    return writer->urgent.first != NULL || writer->ordinary_count > 0;
}

// Takes a batch of those that wait; NULL when there will be no more.
static struct store_job *take_batch(struct store_writer *writer)
{
    struct store_queue batch = {NULL, NULL};
    pthread_mutex_lock(&writer->mutex);
    while (!has_jobs(writer) && !writer->stopping)
        pthread_cond_wait(&writer->wake, &writer->mutex);
    size_t count = 0, most_urgent = writer->ordinary_count > 0 ? BATCH_JOBS_MAX / 2 : BATCH_JOBS_MAX;
    for (; writer->urgent.first != NULL && count < most_urgent; count++)
        move(&writer->urgent, &batch);
    for (; writer->ordinary_count > 0 && count < BATCH_JOBS_MAX; count++)
        take_turn(writer, &batch);
    writer->health.jobs += count;
    pthread_mutex_unlock(&writer->mutex);
    return batch.first;
}

// Nobody else changes the number.
static bool is_full(const struct store *store)
{
    return store->options.reserve_bytes > 0 && store->writer.health.map_used_bytes > store->environment.map_size_bytes;
}

// Fails the jobs of a batch that are not urgent; returns the others.
static struct store_job *keep_urgent(struct store_job *first)
{
    struct store_queue urgent = {NULL, NULL}, others = {NULL, NULL};
    while (first != NULL) {
        struct store_job *job = first;
        first = job->next;
        append(job->urgent ? &urgent : &others, job);
    }
    finish_jobs(others.first, STATUS_RESOURCE_EXHAUSTED);
    return urgent.first;
}

static void *writer_main(void *context)
{
    struct store *store = context;
    for (;;) {
        struct store_job *first = take_batch(&store->writer);
        if (first == NULL)
            return NULL;
        if (is_full(store))
            first = keep_urgent(first);
        if (first != NULL)
            finish_jobs(first, commit_jobs(store, first));
    }
}

void store_submit(struct store *store, struct store_job *job)
{
    struct store_writer *writer = &store->writer;
    pthread_mutex_lock(&writer->mutex);
    const bool was_empty = !has_jobs(writer);
    append(job->urgent ? &writer->urgent : &writer->ordinary[job->party % STORE_TURNS], job);
    writer->ordinary_count += job->urgent ? 0 : 1;
    // Under the lock: once it is released the job may be done and the store closed.
    if (was_empty)
        pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
}

// --- a job that somebody waits for

struct waited {
    struct store_job job; // in the queue, in the place of the other one
    struct store_job *other;
    enum status status;
    sem_t finished;
};

static struct waited *waited_of(struct store_job *job)
{
    return CONTAINER_OF(job, struct waited, job);
}

static void run_waited(struct store_job *job, struct store_txn *txn)
{
    struct store_job *other = waited_of(job)->other;
    other->run(other, txn);
}

static void finish_waited(struct store_job *job, enum status status)
{
    struct waited *waited = waited_of(job);
    if (waited->other->done != NULL)
        waited->other->done(waited->other, status);
    waited->status = status;
    sem_post(&waited->finished);
}

enum status store_run(struct store *store, struct store_job *job)
{
    struct waited waited = {
        .job = {.urgent = job->urgent, .party = job->party, .run = run_waited, .done = finish_waited}, .other = job};
    if (sem_init(&waited.finished, 0, 0) != 0)
        return STATUS_RESOURCE_EXHAUSTED;
    store_submit(store, &waited.job);
    while (sem_wait(&waited.finished) != 0 && errno == EINTR)
        continue;
    sem_destroy(&waited.finished);
    return waited.status;
}

// --- start

enum status store_writer_start(struct store *store, struct status_failure *failure)
{
    const int code = thread_start(&store->writer.thread, "store-writer", writer_main, store);
    if (code != 0) {
        return status_fail(failure, STATUS_RESOURCE_EXHAUSTED, NULL, "%s: the writer thread cannot be started: %s",
                           store->path, strerror(code));
    }
    return STATUS_OK;
}

void store_writer_stop(struct store *store)
{
    struct store_writer *writer = &store->writer;
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    pthread_mutex_unlock(&writer->mutex);
    pthread_cond_signal(&writer->wake);
    pthread_join(writer->thread, NULL);
}
