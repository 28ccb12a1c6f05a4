// The meters' write-behind: one job that carries whatever the limit table wants written, with the clock's mark.
#include "authorizer/internal.h"

#define FLUSH_ARENA_BYTES ((size_t)256 * 1024 * 1024)

enum { SKIPS_MAX = 8 }; // of a clean stop: then it goes without writing

static struct authorizer *flush_owner(struct store_job *job)
{
    return (struct authorizer *)(void *)((char *)job - offsetof(struct authorizer, flush));
}

static bool write_record(struct authorizer *a, struct store_txn *txn, size_t n)
{
    struct slice name;
    const struct limit_record *record;
    bool empty;
    limit_batch_at(a->flush_batch, n, &name, &record, &empty);
    if (empty) {
        store_delete(txn, custom_table(name), name);
        return true;
    }
    struct slice bytes;
    if (!registry_pack_meter(record, a->flush_arena, &bytes)) {
        return false;
    }
    store_put(txn, custom_table(name), name, bytes);
    arena_reset(a->flush_arena);
    return true;
}

// After the batch was collected, so that H is not before any record's own time.
static bool write_mark(struct authorizer *a, struct store_txn *txn)
{
    atomic_store(&a->mark_wanted, false); // whoever wants one from here on wants a later one
    a->flush_promised_ms = fence_promise_ms(a);
    struct clock_mark mark = clock_mark(a->clock);
    a->flush_durable_ms = mark.high_ms; // without what it promises: that may come to nothing
    mark.high_ms += a->flush_promised_ms;
    struct slice bytes;
    if (!registry_pack_clock(&mark, a->flush_arena, &bytes)) {
        return false;
    }
    store_put(txn, TABLE_CLOCK, slice_text("mark"), bytes);
    arena_reset(a->flush_arena);
    return true;
}

static void flush_run(struct store_job *job, struct store_txn *txn)
{
    struct authorizer *a = flush_owner(job);
    a->flush_has_run = true;
    a->flush_is_exact = atomic_load(&a->stopping);
    a->flush_batch = a->flush_is_exact ? limit_collect_exact(a->limits) : limit_collect(a->limits);
    size_t count = a->flush_batch != NULL ? limit_batch_count(a->flush_batch) : 0;
    a->flush_failed = false;
    for (size_t i = 0; i < count && !a->flush_failed; i++) {
        a->flush_failed = !write_record(a, txn, i);
    }
    a->flush_failed = !write_mark(a, txn) || a->flush_failed;
}

// Tells flush_mark and, at the clean stop, flush_exact.
static void flush_finish(struct authorizer *a)
{
    pthread_mutex_lock(&a->stop_lock);
    a->marked = true;
    a->stopped = a->flush_is_exact;
    pthread_cond_signal(&a->stop_done);
    pthread_mutex_unlock(&a->stop_lock);
}

// It was not run, because the store does not begin or another job broke the transaction. Nobody is to wait for that, a
// clean stop only a little.
static void flush_skip(struct authorizer *a)
{
    bool stopping = atomic_load(&a->stopping);
    a->flush_failed = true;
    atomic_store(&a->mark_wanted, false);
    a->flush_batch = stopping ? NULL : limit_collect(a->limits);
    a->flush_is_exact = stopping && ++a->stop_skips == SKIPS_MAX;
}

static void flush_done(struct store_job *job, enum status status)
{
    struct authorizer *a = flush_owner(job);
    if (!a->flush_has_run) {
        flush_skip(a);
    }
    a->flush_has_run = false;
    enum status settled = a->flush_failed ? STATUS_UNAVAILABLE : status;
    if (a->flush_batch != NULL) {
        limit_settle(a->limits, a->flush_batch, settled, a->flush_durable_ms);
        a->flush_batch = NULL;
    } else if (settled == STATUS_OK) {
        limit_note_durable(a->limits, a->flush_durable_ms);
    }
    if (settled == STATUS_OK) {
        fence_follow(a, a->flush_promised_ms);
    }
    bool is_last = a->flush_is_exact;
    flush_finish(a);
    if (is_last) {
        return; // the authorizer may be gone
    }
    // Whoever found the job queued relies on the look that follows.
    atomic_store(&a->flush_queued, false);
    if (limit_write_wanted(a->limits) || atomic_load(&a->mark_wanted) || atomic_load(&a->stopping)) {
        flush_request(a);
    }
}

void flush_init(struct authorizer *a)
{
    a->flush.run = flush_run;
    a->flush.done = flush_done;
    atomic_init(&a->flush_queued, false);
    atomic_init(&a->mark_wanted, false);
    pthread_mutex_init(&a->stop_lock, NULL);
    pthread_cond_init(&a->stop_done, NULL);
    a->flush_arena = arena_new(FLUSH_ARENA_BYTES);
}

void flush_request(struct authorizer *a)
{
    if (!atomic_exchange(&a->flush_queued, true)) {
        store_submit(a->meters, &a->flush);
    }
}

void flush_request_mark(struct authorizer *a)
{
    atomic_store(&a->mark_wanted, true);
    flush_request(a);
}

static void flush_and_wait(struct authorizer *a, const bool *done)
{
    flush_request(a);
    pthread_mutex_lock(&a->stop_lock);
    while (!*done) {
        pthread_cond_wait(&a->stop_done, &a->stop_lock);
    }
    pthread_mutex_unlock(&a->stop_lock);
}

void flush_mark(struct authorizer *a)
{
    flush_and_wait(a, &a->marked);
}

void flush_exact(struct authorizer *a)
{
    atomic_store(&a->stopping, true);
    flush_and_wait(a, &a->stopped);
}
