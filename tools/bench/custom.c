// Custom subjects, each charged once: through the authorizer, in this process, on a store of its own. Shows that they
// are kept on disk, and that memory holds no more of them than it was told to.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authorizer/authorizer.h"
#include "base/container.h"
#include "options.h"
#include "process.h"
#include "report.h"
#include "support/limit_text.h"

enum {
    OUTSTANDING = 256,
    NAME_SIZE = 48,
    PATH_SIZE = 160,
    SAMPLE_EVERY = 10000,
    PROBES = 5000, // identifiers that are asked about again at the end
    RETRY_NS = 200000,
    AMOUNT = 100
};

#define NAMESPACE    "signup" // and the NUL behind it
#define LIMIT_TEXT   "requests=100/hour"
#define STORE_BYTES  ((size_t)16 << 30)
#define ARENA_BYTES  ((size_t)1 << 20)
#define CUSTOM_SPARE 1000000

struct bench;

// One call in flight.
struct slot {
    struct authorizer_batch batch; // resume gets it
    struct authorizer_call call;   // all of it
    struct bench *bench;
    struct slot *next;
    struct arena *arena;
    char name[NAME_SIZE];
};

struct bench {
    const char *dir;
    struct log log;
    struct secret *secret;
    struct clock *clock;
    struct registry *registry;
    struct store *store;
    struct meter_cache *meters;
    struct authorizer *authorizer;
    struct limit limit;
    bool strict;

    struct slot *slots, *idle;
    pthread_mutex_t mutex; // guards `resumed`
    pthread_cond_t woken;
    struct slot *resumed;

    uint64_t asked, answered, pushed_back, waits;
    uint64_t most_meters, most_rss_kib;
    char failure[320];
};

// --- the rooms

static bool complain(const struct status_failure *failure)
{
    fprintf(stderr, "postern-bench: %s\n", failure->message);
    return false;
}

static bool open_stores(struct bench *bench, struct status_failure *failure)
{
    char keyring[PATH_SIZE], registry[PATH_SIZE], meters[PATH_SIZE];
    snprintf(keyring, sizeof keyring, "%s/keyring", bench->dir);
    snprintf(registry, sizeof registry, "%s/registry", bench->dir);
    snprintf(meters, sizeof meters, "%s/meters", bench->dir);
    bench->log = (struct log){.level = LOG_LEVEL_WARNING, .fd = 2};
    bench->clock = clock_new(clock_system_source(), NULL);
    if (bench->clock == NULL || secret_open(keyring, true, &bench->secret, NULL, failure) != STATUS_OK)
        return false;
    struct registry_options options = {.path = registry,
                                       .map_size_bytes = STORE_BYTES,
                                       .max_readers = 16,
                                       .secret = bench->secret,
                                       .clock = bench->clock,
                                       .default_prefix = slice_text("bench"),
                                       .log = &bench->log};
    struct store_options store = {.path = meters,
                                  .tables = meter_tables,
                                  .table_count = meter_table_count,
                                  .map_size_bytes = STORE_BYTES,
                                  .max_readers = 16,
                                  .log = &bench->log};
    return registry_open(&options, &bench->registry, failure) == STATUS_OK &&
           store_open(&store, &bench->store, failure) == STATUS_OK;
}

static bool open_bench(struct bench *bench, const struct options *options)
{
    struct status_failure failure = {.message = "out of memory"};
    bench->strict = options->strict;
    pthread_mutex_init(&bench->mutex, NULL);
    pthread_cond_init(&bench->woken, NULL);
    bench->slots = process_need(OUTSTANDING, sizeof *bench->slots);
    bench->dir = options->dir;
    if (!open_stores(bench, &failure) || limit_text_read(LIMIT_TEXT, &bench->limit, &failure) != STATUS_OK)
        return complain(&failure);
    for (size_t i = 0; i < OUTSTANDING; i++) {
        bench->slots[i].arena = arena_new(ARENA_BYTES);
        bench->slots[i].next = bench->idle;
        bench->idle = &bench->slots[i];
        if (bench->slots[i].arena == NULL)
            return complain(&failure);
    }
    struct meter_options meters = {.store = bench->store,
                                   .clock = bench->clock,
                                   .log = &bench->log,
                                   .max_resident = options->resident,
                                   .max_custom = options->meters + CUSTOM_SPARE};
    if (meter_open(&meters, &bench->meters, &failure) != STATUS_OK)
        return complain(&failure);
    struct authorizer_options authorizer = {
        .registry = bench->registry, .meters = bench->meters, .clock = bench->clock};
    return authorizer_open(&authorizer, &bench->authorizer, &failure) == STATUS_OK || complain(&failure);
}

static void close_bench(struct bench *bench)
{
    authorizer_close(bench->authorizer);
    meter_close(bench->meters);
    registry_close(bench->registry);
    store_close(bench->store);
    secret_close(bench->secret);
    clock_free(bench->clock);
    for (size_t i = 0; i < OUTSTANDING; i++)
        arena_free(bench->slots[i].arena);
    free(bench->slots);
    pthread_cond_destroy(&bench->woken);
    pthread_mutex_destroy(&bench->mutex);
}

// --- one call

static void resume(struct authorizer_batch *batch, enum status status)
{
    struct slot *slot = CONTAINER_OF(batch, struct slot, batch);
    struct bench *bench = slot->bench;
    batch->status = status;
    pthread_mutex_lock(&bench->mutex);
    slot->next = bench->resumed;
    bench->resumed = slot;
    pthread_cond_signal(&bench->woken);
    pthread_mutex_unlock(&bench->mutex);
}

static void prepare(struct bench *bench, struct slot *slot, uint64_t number, bool peek)
{
    const size_t space = sizeof NAMESPACE;
    memcpy(slot->name, NAMESPACE, space);
    const int size = snprintf(slot->name + space, NAME_SIZE - space, "2001:db8::%llx", (unsigned long long)number);
    slot->batch =
        (struct authorizer_batch){.calls = &slot->call, .call_count = 1, .arena = slot->arena, .resume = resume};
    slot->bench = bench;
    slot->call = (struct authorizer_call){
        .subject = AUTHORIZER_BY_CUSTOM,
        .custom = {.name = slice_make(slot->name, space + (size_t)size),
                   .limits = &bench->limit,
                   .limit_count = 1,
                   .relaxed = !bench->strict},
        .question = {.peek = peek},
    };
}

// True when it has its answer. Without room in memory it is asked again, as a caller would.
static bool advance(struct bench *bench, struct slot *slot)
{
    for (;;) {
        arena_reset(slot->arena);
        if (authorizer_decide(bench->authorizer, &slot->batch) == AUTHORIZER_WAITING) {
            bench->waits++;
            return false;
        }
        const struct authorizer_batch *batch = &slot->batch;
        const struct authorizer_call *call = &slot->call;
        if (batch->status != STATUS_OK) {
            snprintf(bench->failure, sizeof bench->failure, "%s: %s", status_name(batch->status),
                     batch->failure.message);
            return true;
        }
        if (call->status == STATUS_OK && call->decision.reason == REASON_ALLOWED)
            return true;
        if (call->status != STATUS_RESOURCE_EXHAUSTED || call->failure.field[0] != '\0') {
            snprintf(bench->failure, sizeof bench->failure, "%s: %s", status_name(call->status), call->failure.message);
            return true;
        }
        bench->pushed_back++;
        nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
}

// --- all of them

static struct slot *take_resumed(struct bench *bench, bool must_wait)
{
    pthread_mutex_lock(&bench->mutex);
    while (must_wait && bench->resumed == NULL)
        pthread_cond_wait(&bench->woken, &bench->mutex);
    struct slot *slot = bench->resumed;
    if (slot != NULL)
        bench->resumed = slot->next;
    pthread_mutex_unlock(&bench->mutex);
    return slot;
}

static struct slot *take_slot(struct bench *bench, uint64_t meters)
{
    bool may_ask = bench->idle != NULL && bench->asked < meters;
    struct slot *slot = take_resumed(bench, !may_ask);
    if (slot == NULL) {
        slot = bench->idle;
        bench->idle = slot->next;
        prepare(bench, slot, bench->asked++, false);
    }
    return slot;
}

static void sample(struct bench *bench)
{
    const struct meter_stats stats = meter_stats(bench->meters);
    const uint64_t rss_kib = process_rss_anon_kib(0);
    if (stats.limits.meters > bench->most_meters)
        bench->most_meters = stats.limits.meters;
    if (rss_kib > bench->most_rss_kib)
        bench->most_rss_kib = rss_kib;
    meter_tick(bench->meters);
    meter_sweep_custom(bench->meters);
}

static bool charge_all(struct bench *bench, uint64_t meters)
{
    while (bench->answered < meters && bench->failure[0] == '\0') {
        struct slot *slot = take_slot(bench, meters);
        if (!advance(bench, slot))
            continue;
        slot->next = bench->idle;
        bench->idle = slot;
        if (++bench->answered % SAMPLE_EVERY == 0)
            sample(bench);
    }
    for (uint64_t flying = bench->asked - bench->answered; bench->failure[0] != '\0' && flying > 1; flying--)
        (void)take_resumed(bench, true); // they are the writer's until then
    return bench->failure[0] == '\0';
}

// Spread over all of them: what was spent must be known, wherever the meter was meanwhile.
static bool probe(struct bench *bench, uint64_t meters)
{
    struct slot *slot = bench->idle;
    for (uint64_t i = 0; i < PROBES; i++) {
        prepare(bench, slot, i * (meters / PROBES), true);
        if (!advance(bench, slot))
            snprintf(bench->failure, sizeof bench->failure, "%s: a question has to wait",
                     slot->name + sizeof NAMESPACE);
        if (bench->failure[0] != '\0')
            return false;
        if (slot->call.decision.meters[0].standing.remaining != AMOUNT - 1) {
            snprintf(bench->failure, sizeof bench->failure, "%s: not what was spent", slot->name + sizeof NAMESPACE);
            return false;
        }
    }
    return true;
}

// The records on disk once everything has been written; ends the cache.
static uint64_t count_records(struct bench *bench)
{
    const unsigned custom = 2; // of meter_tables
    struct store_txn *view = NULL;
    uint64_t count = 0;
    authorizer_close(bench->authorizer);
    meter_close(bench->meters);
    bench->authorizer = NULL;
    bench->meters = NULL;
    if (store_view_open(bench->store, &view) == STATUS_OK && store_view_begin(view) == STATUS_OK)
        status_ignore(store_count(view, custom, &count), "0 is told as it is");
    store_view_close(view);
    return count;
}

static void print(struct bench *bench, const struct options *options, double seconds, uint64_t rss_before_kib)
{
    struct report report;
    const double mib = 1024;
    sample(bench);
    const struct meter_stats stats = meter_stats(bench->meters);
    const uint64_t records = count_records(bench);
    report_open(&report, "custom", options->json);
    report_text(&report, "durability", "durability", options->strict ? "strict" : "relaxed");
    report_figure(&report, "identifiers", "identifiers", "of " LIMIT_TEXT ", each charged once", 0,
                  (double)options->meters);
    report_figure(&report, "calls_per_s", "calls", "a second", 0, (double)options->meters / seconds);
    report_figure(&report, "pushed_back", "asked again for want of room", "times", 0, (double)bench->pushed_back);
    report_figure(&report, "commits", "commits", "", 0, (double)stats.store.commits);
    report_figure(&report, "records_written", "records written", "an identifier", 2,
                  (double)stats.limits.records / (double)options->meters);
    report_target(&report, "most_meters", "most in memory", "meters", (double)bench->most_meters, REPORT_AT_MOST,
                  2.0 * (double)options->resident);
    report_figure(&report, "meters", "in memory at the end", "meters", 0, (double)stats.limits.meters);
    report_figure(&report, "rss_anon_mib", "most RssAnon, above the start", "MiB", 1,
                  (double)(bench->most_rss_kib - rss_before_kib) / mib);
    report_target(&report, "records", "records on disk", "", (double)records, REPORT_AT_LEAST, (double)options->meters);
    report_figure(&report, "store_mib", "store", "MiB in use", 1,
                  (double)store_health(bench->store).map_used_bytes / mib / mib);
    report_close(&report, bench->dir);
}

int bench_custom(const struct options *options)
{
    struct bench *bench = process_need(1, sizeof *bench);
    bool fine = open_bench(bench, options);
    const uint64_t rss_before_kib = process_rss_anon_kib(0);
    const uint64_t began_ns = process_now_ns();
    fine = fine && charge_all(bench, options->meters);
    const double seconds = (double)(process_now_ns() - began_ns) / 1e9;
    fine = fine && probe(bench, options->meters);
    if (fine)
        print(bench, options, seconds, rss_before_kib);
    else if (bench->failure[0] != '\0')
        fprintf(stderr, "postern-bench: %s\n", bench->failure);
    close_bench(bench);
    free(bench);
    return fine ? 0 : 1;
}
