// Intervals and closing. Only lower bounds of time are asserted, so that a busy machine cannot fail them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scheduler/scheduler.h"

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

// --- a task that tells of each run

struct runs {
    sem_t ran;
    atomic_uint count;
    _Atomic uint64_t started_ms[64];
};

static void runs_init(struct runs *runs)
{
    memset(runs, 0, sizeof *runs);
    sem_init(&runs->ran, 0, 0);
}

static void run_once(void *context)
{
    struct runs *runs = context;
    runs->started_ms[runs->count % 64] = now_ms();
    runs->count++;
    sem_post(&runs->ran);
}

// --- a task that stands at a gate when it runs first

struct gate {
    sem_t entered;
    sem_t open;
    atomic_uint count;
};

static void gate_init(struct gate *gate)
{
    gate->count = 0;
    sem_init(&gate->entered, 0, 0);
    sem_init(&gate->open, 0, 0);
}

static void run_gate(void *context)
{
    struct gate *gate = context;
    if (gate->count++ > 0)
        return;
    sem_post(&gate->entered);
    wait_for(&gate->open);
}

static struct scheduler *open_scheduler(const struct scheduler_task *tasks, size_t count, const struct log *log)
{
    struct scheduler *scheduler = NULL;
    assert_int_equal(scheduler_open(tasks, count, log, &scheduler), STATUS_OK);
    assert_non_null(scheduler);
    return scheduler;
}

static void a_task_runs_again_and_again_one_interval_apart(void **state)
{
    enum { INTERVAL_MS = 5, RUNS = 10 };
    struct runs runs;
    runs_init(&runs);
    (void)state;
    const struct scheduler_task task = {"runs", INTERVAL_MS, run_once, &runs};
    const uint64_t opened_ms = now_ms();
    struct scheduler *scheduler = open_scheduler(&task, 1, NULL);
    for (int i = 0; i < RUNS; i++) {
        wait_for(&runs.ran);
    }
    scheduler_close(scheduler);
    for (uint64_t i = 0; i < RUNS; i++) {
        assert_true(runs.started_ms[i] >= opened_ms + (i + 1) * INTERVAL_MS);
    }
}

static void a_late_task_is_not_made_up_for_in_a_burst(void **state)
{
    enum { INTERVAL_MS = 20 };
    struct gate gate;
    struct runs runs;
    gate_init(&gate);
    runs_init(&runs);
    (void)state;
    const struct scheduler_task tasks[] = {{"gate", 1, run_gate, &gate}, {"runs", INTERVAL_MS, run_once, &runs}};
    struct scheduler *scheduler = open_scheduler(tasks, 2, NULL);
    wait_for(&gate.entered);
    const unsigned before = runs.count;
    const struct timespec five_intervals = {.tv_nsec = 5 * INTERVAL_MS * 1000000L};
    nanosleep(&five_intervals, NULL); // being late is what this is about
    const uint64_t released_ms = now_ms();
    sem_post(&gate.open);
    for (unsigned i = 0; i < before + 3; i++) {
        wait_for(&runs.ran);
    }
    scheduler_close(scheduler);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(runs.started_ms[before + i] >= released_ms + (uint64_t)i * INTERVAL_MS);
    }
}

static void run_longer_than_the_interval(void *context)
{
    const struct timespec duration = {.tv_nsec = 30000000};
    run_once(context);
    nanosleep(&duration, NULL);
}

static void a_task_slower_than_its_interval_still_pauses(void **state)
{
    enum { INTERVAL_MS = 20, DURATION_MS = 30, RUNS = 3 };
    struct runs runs;
    runs_init(&runs);
    (void)state;
    const struct scheduler_task task = {"runs", INTERVAL_MS, run_longer_than_the_interval, &runs};
    const uint64_t opened_ms = now_ms();
    struct scheduler *scheduler = open_scheduler(&task, 1, NULL);
    for (int i = 0; i < RUNS; i++) {
        wait_for(&runs.ran);
    }
    scheduler_close(scheduler);
    for (uint64_t i = 0; i < RUNS; i++) {
        assert_true(runs.started_ms[i] >= opened_ms + INTERVAL_MS + i * (INTERVAL_MS + DURATION_MS));
    }
}

// --- closing

struct slow {
    sem_t entered;
    atomic_bool finished;
    long duration_ms;
};

static void run_slow(void *context)
{
    struct slow *slow = context;
    const struct timespec duration = {.tv_sec = slow->duration_ms / 1000,
                                      .tv_nsec = slow->duration_ms % 1000 * 1000000};
    sem_post(&slow->entered);
    nanosleep(&duration, NULL);
    slow->finished = true;
}

static void closing_waits_for_the_running_task_and_starts_no_other(void **state)
{
    struct slow slow = {.duration_ms = 200};
    struct runs runs;
    sem_init(&slow.entered, 0, 0);
    runs_init(&runs);
    (void)state;
    const struct scheduler_task tasks[] = {{"slow", 1, run_slow, &slow}, {"runs", 50, run_once, &runs}};
    struct scheduler *scheduler = open_scheduler(tasks, 2, NULL);
    wait_for(&slow.entered);
    scheduler_close(scheduler);
    assert_true(slow.finished);
    assert_int_equal(runs.count, 0);
}

static void closing_what_never_opened_does_nothing(void **state)
{
    (void)state;
    scheduler_close(NULL);
}

// --- the log

static void a_task_slower_than_a_second_is_logged(void **state)
{
    struct slow slow = {.duration_ms = SCHEDULER_SLOW_MS + 50};
    struct runs quick;
    char line[256] = "";
    sem_init(&slow.entered, 0, 0);
    runs_init(&quick);
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    const struct log log = {.level = LOG_LEVEL_WARNING, .fd = fileno(file)};
    const struct scheduler_task tasks[] = {{"compaction", 30, run_slow, &slow}, {"quick", 1, run_once, &quick}};
    struct scheduler *scheduler = open_scheduler(tasks, 2, &log);
    wait_for(&quick.ran);
    wait_for(&slow.entered);
    scheduler_close(scheduler);
    rewind(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_non_null(strstr(line, "compaction took 1"));
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
}

// --- signals

struct mask {
    sem_t done;
    sigset_t blocked;
};

static void read_mask(void *context)
{
    struct mask *mask = context;
    pthread_sigmask(SIG_SETMASK, NULL, &mask->blocked);
    sem_post(&mask->done);
}

static void signals_are_left_to_other_threads(void **state)
{
    struct mask mask;
    sigset_t own;
    sem_init(&mask.done, 0, 0);
    (void)state;
    const struct scheduler_task task = {"mask", 1, read_mask, &mask};
    struct scheduler *scheduler = open_scheduler(&task, 1, NULL);
    wait_for(&mask.done);
    scheduler_close(scheduler);
    assert_true(sigismember(&mask.blocked, SIGTERM));
    assert_true(sigismember(&mask.blocked, SIGHUP));
    assert_false(sigismember(&mask.blocked, SIGSEGV));
    pthread_sigmask(SIG_SETMASK, NULL, &own);
    assert_false(sigismember(&own, SIGTERM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_runs_again_and_again_one_interval_apart),
        cmocka_unit_test(a_late_task_is_not_made_up_for_in_a_burst),
        cmocka_unit_test(a_task_slower_than_its_interval_still_pauses),
        cmocka_unit_test(closing_waits_for_the_running_task_and_starts_no_other),
        cmocka_unit_test(closing_what_never_opened_does_nothing),
        cmocka_unit_test(a_task_slower_than_a_second_is_logged),
        cmocka_unit_test(signals_are_left_to_other_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
