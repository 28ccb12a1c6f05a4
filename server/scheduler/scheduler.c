// One thread runs the tasks in turn: it sleeps until the first one is due.
#include "scheduler/scheduler.h"

#include "base/text.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };

struct entry {
    struct scheduler_task task;
    uint64_t due_ms; // on CLOCK_MONOTONIC
};

struct scheduler {
    pthread_t thread;
    pthread_mutex_t mutex; // all below
    pthread_cond_t wake;
    const struct log *log;
    bool stopping;
    size_t count;
    struct entry entries[];
};

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * MS_PER_S + (uint64_t)now.tv_nsec / NS_PER_MS;
}

// Returns the task that is due first.
static struct entry *next_entry(struct scheduler *scheduler)
{
    struct entry *next = scheduler->entries;
    for (size_t i = 1; i < scheduler->count; i++)
        if (scheduler->entries[i].due_ms < next->due_ms)
            next = &scheduler->entries[i];
    return next;
}

// Waits until then or until the scheduler closes; the caller looks again.
static void wait_until(struct scheduler *scheduler, uint64_t due_ms)
{
    const struct timespec due = {
        .tv_sec = (time_t)(due_ms / MS_PER_S),
        .tv_nsec = (long)(due_ms % MS_PER_S * NS_PER_MS),
    };
    pthread_cond_timedwait(&scheduler->wake, &scheduler->mutex, &due);
}

// Called with the mutex held, runs the task without it.
static void run_entry(struct scheduler *scheduler, struct entry *entry, uint64_t start_ms)
{
    const struct scheduler_task task = entry->task;
    entry->due_ms = start_ms + task.interval_ms;
    pthread_mutex_unlock(&scheduler->mutex);
    task.run(task.context);
    const uint64_t end_ms = monotonic_ms();
    if (end_ms - start_ms > SCHEDULER_SLOW_MS) {
        char span[TEXT_TIME_SIZE];
        log_line(scheduler->log, LOG_LEVEL_WARNING, "background task %s took %s", task.name,
                 text_format_span(end_ms - start_ms, span));
    }
    pthread_mutex_lock(&scheduler->mutex);
    // A task that is slower than its interval must leave time for others.
    if (entry->due_ms <= end_ms)
        entry->due_ms = end_ms + task.interval_ms;
}

static void *scheduler_main(void *context)
{
    struct scheduler *scheduler = context;
    pthread_mutex_lock(&scheduler->mutex);
    while (!scheduler->stopping) {
        struct entry *entry = next_entry(scheduler);
        const uint64_t now_ms = monotonic_ms();
        if (entry->due_ms <= now_ms)
            run_entry(scheduler, entry, now_ms);
        else
            wait_until(scheduler, entry->due_ms);
    }
    pthread_mutex_unlock(&scheduler->mutex);
    return NULL;
}

static struct scheduler *scheduler_new(const struct scheduler_task *tasks, size_t count, const struct log *log)
{
    struct scheduler *scheduler = calloc(1, sizeof *scheduler + count * sizeof scheduler->entries[0]);
    if (scheduler == NULL)
        return NULL;
    const uint64_t now_ms = monotonic_ms();
    for (size_t i = 0; i < count; i++)
        scheduler->entries[i] = (struct entry){.task = tasks[i], .due_ms = now_ms + tasks[i].interval_ms};
    scheduler->count = count;
    scheduler->log = log;
    // On Linux these cannot fail.
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&scheduler->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&scheduler->mutex, NULL);
    return scheduler;
}

static void scheduler_free(struct scheduler *scheduler)
{
    pthread_mutex_destroy(&scheduler->mutex);
    pthread_cond_destroy(&scheduler->wake);
    free(scheduler);
}

enum status scheduler_open(const struct scheduler_task *tasks, size_t count, const struct log *log,
                           struct scheduler **out)
{
    *out = NULL;
    struct scheduler *scheduler = scheduler_new(tasks, count, log);
    if (scheduler == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    if (thread_start(&scheduler->thread, "scheduler", scheduler_main, scheduler) != 0) {
        scheduler_free(scheduler);
        return STATUS_RESOURCE_EXHAUSTED;
    }
    *out = scheduler;
    return STATUS_OK;
}

void scheduler_close(struct scheduler *scheduler)
{
    if (scheduler == NULL)
        return;
    pthread_mutex_lock(&scheduler->mutex);
    scheduler->stopping = true;
    pthread_cond_signal(&scheduler->wake);
    pthread_mutex_unlock(&scheduler->mutex);
    pthread_join(scheduler->thread, NULL);
    scheduler_free(scheduler);
}
