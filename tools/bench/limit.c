// One limit decision in process, on a meter that is in memory and has units set aside; and the memory of a meter, for
// each algorithm and each width that a sliding window's counters can have.
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "histogram.h"
#include "limit/limit.h"
#include "options.h"
#include "process.h"
#include "report.h"
#include "support/limit_text.h"

enum { BATCH = 10000, BATCHES = 200, SUBJECT_SIZE = 32, APPLICABLES_MAX = 2 };

// What a case decides about: one call over all its limits.
struct scene {
    const char *key, *label;
    const char *limits[APPLICABLES_MAX];
    double target; // 0: none
};

static const struct scene hot[] = {
    {"fixed_window", "fixed_window", {"requests=1000000000/min:fixed_window"}, 150},
    {"sliding_window", "sliding_window", {"requests=1000000000/min:sliding_window"}, 150},
    {"token_bucket", "token_bucket", {"requests=1000000000/min:token_bucket"}, 150},
    {"two_limits",
     "minute and day together",
     {"requests=1000000000/min:fixed_window", "requests=1000000000000/day"},
     0},
};

static const struct scene many[] = {
    {"fixed_window", "fixed_window, 2000/day", {"requests=2000/day:fixed_window"}, 160},
    {"token_bucket", "token_bucket, 300/min", {"requests=300/min:token_bucket"}, 160},
    {"sliding_window_8", "sliding_window, 200/min", {"requests=200/min:sliding_window"}, 320},
    {"sliding_window_16", "sliding_window, 60,000/min", {"requests=60000/min:sliding_window"}, 320},
    {"sliding_window_32", "sliding_window, 1,000,000/min", {"requests=1000000/min:sliding_window"}, 320},
    {"sliding_window_64", "sliding_window, 10^10/min", {"requests=10000000000/min:sliding_window"}, 320},
};

enum { HOT_COUNT = sizeof hot / sizeof hot[0], MANY_COUNT = sizeof many / sizeof many[0] };

struct work {
    struct clock *clock;
    struct limit_table *table;
    struct limit_applicable applicables[APPLICABLES_MAX];
    size_t applicable_count;
    char subject[SUBJECT_SIZE];
};

static void wake(struct limit_waiter *waiter, enum status status)
{
    (void)waiter;
    (void)status;
}

// Plays the store's writer: everything that is asked for is on disk at once.
static void end_batch(struct work *work)
{
    struct limit_write_batch *batch = limit_collect(work->table);
    if (batch != NULL)
        limit_write_batch_end(work->table, batch, STATUS_OK, clock_now_ms(work->clock));
}

static void install(struct work *work, const struct limit_answer *answer)
{
    for (size_t i = 0; i < answer->absent_count; i++)
        limit_install(work->table, slice_text(work->subject), answer->absent[i], NULL, answer->generation);
}

// False when the call was not admitted in the end.
static bool decide(struct work *work)
{
    const struct limit_charge charge = {.resource = slice_text("requests"), .cost = 1};
    const struct limit_call call = {.owner = slice_text(work->subject),
                                    .applicables = work->applicables,
                                    .applicable_count = work->applicable_count,
                                    .charges = &charge,
                                    .charge_count = 1};
    struct limit_waiter waiter = {.wake = wake};
    struct limit_answer answer;
    for (int tries = 0; tries < 8; tries++) {
        limit_decide(work->table, &call, 1, &waiter, &answer);
        if (answer.verdict == LIMIT_ABSENT)
            install(work, &answer);
        else if (answer.verdict == LIMIT_WAIT || answer.write_wanted)
            end_batch(work);
        if (answer.verdict != LIMIT_ABSENT && answer.verdict != LIMIT_WAIT)
            break;
    }
    return answer.verdict == LIMIT_ADMITTED;
}

static void set_subject(struct work *work, uint64_t number)
{
    snprintf(work->subject, sizeof work->subject, "account-%llu", (unsigned long long)number);
    for (size_t i = 0; i < work->applicable_count; i++)
        work->applicables[i].subject_id = slice_text(work->subject);
}

static bool open_work(struct work *work, const struct scene *scene)
{
    *work = (struct work){.clock = clock_new(clock_system_source(), NULL)};
    const struct limit_table_options options = {.clock = work->clock};
    work->table = work->clock != NULL ? limit_table_new(&options) : NULL;
    for (size_t i = 0; i < APPLICABLES_MAX && scene->limits[i] != NULL; i++) {
        struct status_failure failure = {0};
        struct limit_applicable *applicable = &work->applicables[work->applicable_count++];
        applicable->subject = LIMIT_OF_ACCOUNT;
        if (limit_text_read(scene->limits[i], &applicable->limit, &failure) != STATUS_OK) {
            fprintf(stderr, "postern-bench: %s\n", failure.message);
            return false;
        }
    }
    set_subject(work, 0);
    return work->table != NULL;
}

static void close_work(struct work *work)
{
    limit_table_free(work->table);
    clock_free(work->clock);
}

// --- the two measurements

static bool measure_hot(const struct scene *scene, double *median_ns)
{
    double batches[BATCHES];
    struct work work;
    bool fine = open_work(&work, scene) && decide(&work);
    for (size_t batch = 0; batch < BATCHES && fine; batch++) {
        const uint64_t began_ns = process_now_ns();
        for (size_t i = 0; i < BATCH && fine; i++)
            fine = decide(&work);
        batches[batch] = (double)(process_now_ns() - began_ns) / (double)BATCH;
    }
    close_work(&work);
    *median_ns = fine ? histogram_median(batches, BATCHES) : 0;
    return fine;
}

struct memory {
    double table_bytes; // by the table's own account
    double heap_bytes;  // by malloc's
    double rss_bytes;   // by the kernel's
};

static double heap_bytes(void)
{
    const struct mallinfo2 info = mallinfo2();
    return (double)info.uordblks + (double)info.hblkhd;
}

// Every meter has spent one unit, and is at rest.
static bool measure_many(const struct scene *scene, uint64_t meters, struct memory *out)
{
    struct work work;
    malloc_trim(0);
    const double heap = heap_bytes();
    const double rss = (double)process_rss_anon_kib(0) * 1024;
    bool fine = open_work(&work, scene);
    for (uint64_t i = 0; i < meters && fine; i++) {
        set_subject(&work, i);
        fine = decide(&work);
    }
    out->table_bytes = fine ? (double)limit_table_stats(work.table).bytes / (double)meters : 0;
    out->heap_bytes = (heap_bytes() - heap) / (double)meters;
    out->rss_bytes = ((double)process_rss_anon_kib(0) * 1024 - rss) / (double)meters;
    close_work(&work);
    return fine;
}

// The target is about all that malloc hands out, the table's buckets included.
static void print_memory(struct report *report, const struct scene *scene, const struct memory *memory)
{
    char key[64];
    char label[64];
    snprintf(key, sizeof key, "%s_bytes", scene->key);
    report_target(report, key, scene->label, "bytes a meter", memory->heap_bytes, REPORT_AT_MOST, scene->target);
    snprintf(key, sizeof key, "%s_table_bytes", scene->key);
    snprintf(label, sizeof label, "  by the table's own account");
    report_figure(report, key, label, "bytes a meter", 0, memory->table_bytes);
    snprintf(key, sizeof key, "%s_rss_anon_bytes", scene->key);
    snprintf(label, sizeof label, "  RssAnon");
    report_figure(report, key, label, "bytes a meter", 0, memory->rss_bytes);
}

static void print_decision(struct report *report, const struct scene *scene, double median_ns)
{
    char key[64];
    snprintf(key, sizeof key, "%s_ns", scene->key);
    if (scene->target > 0)
        report_target(report, key, scene->label, "ns a decision, median", median_ns, REPORT_BELOW, scene->target);
    else
        report_figure(report, key, scene->label, "ns a decision, median", 2, median_ns);
}

int bench_limit(const struct options *options)
{
    struct report report;
    double medians_ns[HOT_COUNT];
    struct memory memory[MANY_COUNT];
    for (size_t i = 0; i < HOT_COUNT; i++) {
        if (!measure_hot(&hot[i], &medians_ns[i])) {
            fprintf(stderr, "postern-bench: %s: a call was not admitted\n", hot[i].label);
            return 1;
        }
    }
    for (size_t i = 0; i < MANY_COUNT; i++) {
        if (!measure_many(&many[i], options->meters, &memory[i])) {
            fprintf(stderr, "postern-bench: %s: a call was not admitted\n", many[i].label);
            return 1;
        }
    }
    report_open(&report, "limit", options->json);
    report_figure(&report, "batches", "batches", "of 10000 decisions on one meter", 0, BATCHES);
    for (size_t i = 0; i < HOT_COUNT; i++)
        print_decision(&report, &hot[i], medians_ns[i]);
    report_figure(&report, "meters", "meters", "in memory, each charged once", 0, (double)options->meters);
    for (size_t i = 0; i < MANY_COUNT; i++)
        print_memory(&report, &many[i], &memory[i]);
    report_close(&report, NULL);
    return 0;
}
