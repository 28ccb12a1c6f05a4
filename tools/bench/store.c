// Jobs per second through the group-commit writer: each producer is a thread that puts one record, waits until it is on
// disk, and puts the next.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/random.h"
#include "histogram.h"
#include "options.h"
#include "process.h"
#include "report.h"
#include "store/store.h"

enum { PRODUCERS_MAX = 64, KEY_SIZE = 11, RECORD_SIZE = 200 };

static const unsigned producer_counts[] = {1, 16, 64};
static const char *const tables[] = {"records"};

struct producer {
    struct store_job job;
    struct store *store;
    uint64_t deadline_ns;
    pthread_t thread;
    pthread_mutex_t mutex; // guards `finished` and `status`
    pthread_cond_t changed;
    bool finished;
    enum status status;
    uint64_t done;
    struct histogram latency;
};

static void run(struct store_job *job, struct store_txn *txn)
{
    uint8_t key[KEY_SIZE];
    uint8_t record[RECORD_SIZE] = {0};
    (void)job;
    random_fill(key, sizeof key); // like a key id: records land all over the tree
    store_put(txn, 0, slice_make(key, sizeof key), slice_make(record, sizeof record));
}

static void finish(struct store_job *job, enum status status)
{
    struct producer *producer = CONTAINER_OF(job, struct producer, job);
    pthread_mutex_lock(&producer->mutex);
    producer->finished = true;
    producer->status = status;
    pthread_cond_signal(&producer->changed);
    pthread_mutex_unlock(&producer->mutex);
}

static enum status put_one(struct producer *producer)
{
    producer->finished = false;
    store_submit(producer->store, &producer->job);
    pthread_mutex_lock(&producer->mutex);
    while (!producer->finished)
        pthread_cond_wait(&producer->changed, &producer->mutex);
    pthread_mutex_unlock(&producer->mutex);
    return producer->status;
}

static void *produce(void *argument)
{
    struct producer *producer = argument;
    uint64_t began_ns = process_now_ns();
    while (began_ns < producer->deadline_ns && put_one(producer) == STATUS_OK) {
        const uint64_t now_ns = process_now_ns();
        histogram_note(&producer->latency, now_ns - began_ns);
        producer->done++;
        began_ns = now_ns;
    }
    return NULL;
}

struct measured {
    uint64_t jobs, commits;
    double seconds;
    struct histogram latency;
};

static bool add_up(struct producer *producers, unsigned count, struct measured *out)
{
    bool fine = true;
    for (unsigned i = 0; i < count; i++) {
        pthread_join(producers[i].thread, NULL);
        out->jobs += producers[i].done;
        histogram_add(&out->latency, &producers[i].latency);
        if (producers[i].status != STATUS_OK)
            fine = false;
        pthread_mutex_destroy(&producers[i].mutex);
        pthread_cond_destroy(&producers[i].changed);
    }
    if (!fine)
        fprintf(stderr, "postern-bench: a commit failed; is there room on the disk?\n");
    return fine;
}

static bool measure(struct store *store, unsigned count, double seconds, struct measured *out)
{
    struct producer *producers = process_need(count, sizeof *producers);
    *out = (struct measured){0};
    const uint64_t commits = store_health(store).commits;
    const uint64_t began_ns = process_now_ns();
    unsigned started = 0;
    for (; started < count; started++) {
        struct producer *producer = &producers[started];
        producer->job = (struct store_job){.run = run, .done = finish};
        producer->store = store;
        producer->deadline_ns = began_ns + (uint64_t)(seconds * 1e9);
        pthread_mutex_init(&producer->mutex, NULL);
        pthread_cond_init(&producer->changed, NULL);
        if (pthread_create(&producer->thread, NULL, produce, producer) != 0)
            break;
    }
    if (started < count)
        fprintf(stderr, "postern-bench: cannot start %u threads\n", count);
    const bool fine = add_up(producers, started, out) && started == count;
    out->seconds = (double)(process_now_ns() - began_ns) / 1e9;
    out->commits = store_health(store).commits - commits;
    free(producers);
    return fine;
}

static void print(struct report *report, unsigned producers, const struct measured *measured)
{
    const struct {
        const char *key, *label, *unit;
        int decimals;
        double value;
    } figures[] = {
        {"jobs_per_s", "jobs", "/s", 0, (double)measured->jobs / measured->seconds},
        {"commits_per_s", "commits", "/s", 0, (double)measured->commits / measured->seconds},
        {"p50_us", "p50", "us", 0, histogram_percentile(&measured->latency, 0.50) / 1e3},
        {"p99_us", "p99", "us", 0, histogram_percentile(&measured->latency, 0.99) / 1e3},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        char key[64];
        char label[64];
        snprintf(key, sizeof key, "producers_%u_%s", producers, figures[i].key);
        snprintf(label, sizeof label, "%2u producers, %s", producers, figures[i].label);
        report_figure(report, key, label, figures[i].unit, figures[i].decimals, figures[i].value);
    }
}

static bool measure_all(struct store *store, const struct options *options)
{
    struct report report;
    struct measured measured[sizeof producer_counts / sizeof producer_counts[0]];
    for (size_t i = 0; i < sizeof producer_counts / sizeof producer_counts[0]; i++) {
        if (!measure(store, producer_counts[i], options->seconds, &measured[i]))
            return false;
    }
    report_open(&report, "store", options->json);
    for (size_t i = 0; i < sizeof producer_counts / sizeof producer_counts[0]; i++)
        print(&report, producer_counts[i], &measured[i]);
    report_close(&report, options->dir);
    return true;
}

int bench_store(const struct options *options)
{
    char path[PROCESS_PATH_MAX];
    struct store *store = NULL;
    struct status_failure failure = {0};
    snprintf(path, sizeof path, "%s/store", options->dir);
    const struct store_options open = {
        .path = path, .tables = tables, .table_count = 1, .map_size_bytes = (size_t)4 << 30, .max_readers = 8};
    bool measured = false;
    if (store_open(&open, &store, &failure) != STATUS_OK)
        fprintf(stderr, "postern-bench: %s\n", failure.message);
    else
        measured = measure_all(store, options);
    store_close(store);
    return measured ? 0 : 1;
}
