// Runs threads that ask and wait in turn, and adds up what each has measured.
#include "caller.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct caller_kind *const kinds[] = {&caller_echo, &caller_postern, &caller_redis};

struct seat {
    const struct caller_plan *plan;
    void *line;
    pthread_t thread;
    pthread_mutex_t *start; // held until all threads are there
    uint64_t began_ns, last_ns, answered;
    struct histogram latency;
    char failure[WIRE_TEXT_MAX]; // empty: none
};

const struct caller_kind *caller_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}

static void *call(void *argument)
{
    struct seat *seat = argument;
    const struct caller_kind *kind = seat->plan->kind;
    pthread_mutex_lock(seat->start);
    pthread_mutex_unlock(seat->start);
    seat->began_ns = seat->last_ns = process_now_ns();
    const uint64_t deadline_ns = seat->began_ns + (uint64_t)(seat->plan->seconds * 1e9);
    do {
        const uint64_t asked_ns = seat->last_ns;
        if (!kind->ask(seat->line, seat->failure))
            break;
        seat->last_ns = process_now_ns();
        seat->answered++;
        histogram_note(&seat->latency, seat->last_ns - asked_ns);
    } while (seat->last_ns < deadline_ns);
    return NULL;
}

// Each line is asked once, so that what is measured does not hold its first steps.
static bool open_lines(const struct caller_plan *plan, struct seat *seats)
{
    for (unsigned i = 0; i < plan->threads; i++) {
        struct seat *seat = &seats[i];
        const bool own = i == 0 || !plan->kind->shared;
        seat->plan = plan;
        seat->line = own ? plan->kind->open(&plan->target, seat->failure) : seats[0].line;
        if (seat->line == NULL || (own && !plan->kind->ask(seat->line, seat->failure))) {
            fprintf(stderr, "postern-bench: %s: %s\n", plan->kind->name, seat->failure);
            return false;
        }
    }
    return true;
}

static void close_lines(const struct caller_plan *plan, struct seat *seats)
{
    for (unsigned i = 0; i < (plan->kind->shared ? 1 : plan->threads); i++) {
        if (seats[i].line != NULL)
            plan->kind->close(seats[i].line);
    }
}

static bool run_threads(const struct caller_plan *plan, struct seat *seats)
{
    pthread_mutex_t start = PTHREAD_MUTEX_INITIALIZER;
    unsigned started = 0;
    if (plan->ready != NULL)
        plan->ready(plan->context);
    pthread_mutex_lock(&start);
    for (; started < plan->threads; started++) {
        seats[started].start = &start;
        if (pthread_create(&seats[started].thread, NULL, call, &seats[started]) != 0)
            break;
    }
    pthread_mutex_unlock(&start);
    for (unsigned i = 0; i < started; i++)
        pthread_join(seats[i].thread, NULL);
    if (started < plan->threads)
        fprintf(stderr, "postern-bench: cannot start %u threads\n", plan->threads);
    return started == plan->threads;
}

static void add_up(const struct caller_plan *plan, const struct seat *seats, struct load_result *result)
{
    uint64_t began_ns = seats[0].began_ns;
    uint64_t last_ns = 0;
    for (unsigned i = 0; i < plan->threads; i++) {
        const struct seat *seat = &seats[i];
        result->answered += seat->answered;
        histogram_add(&result->latency, &seat->latency);
        began_ns = seat->began_ns < began_ns ? seat->began_ns : began_ns;
        last_ns = seat->last_ns > last_ns ? seat->last_ns : last_ns;
        if (seat->failure[0] != '\0' && result->failed++ == 0)
            memcpy(result->failure, seat->failure, sizeof result->failure);
    }
    result->seconds = (double)(last_ns - began_ns) / 1e9;
}

bool caller_run(const struct caller_plan *plan, struct load_result *result)
{
    struct seat *seats = process_need(plan->threads, sizeof *seats);
    *result = (struct load_result){0};
    const bool done = open_lines(plan, seats) && run_threads(plan, seats);
    if (done)
        add_up(plan, seats, result);
    close_lines(plan, seats);
    free(seats);
    return done;
}
