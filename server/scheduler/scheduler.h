// The one background clockwork: a thread that runs a fixed table of short tasks, each at its interval.
//
// Owns: the thread. Tasks run one at a time, so a task must be short (milliseconds, no waiting for a network); one that
// takes longer than a second is logged, because it has delayed the others.
// Threads: kick may be called from any thread, a task's own included. Tasks run on the scheduler's thread, which takes
// no signals.
// Time: CLOCK_MONOTONIC for intervals only; what a task needs to know about the time it asks its own clock.
#ifndef SCHEDULER_SCHEDULER_H
#define SCHEDULER_SCHEDULER_H

#include "base/log.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct scheduler;

struct scheduler_task {
    const char *name;     // for the log; must outlive the scheduler
    uint64_t interval_ms; // from start to start; 0 = only when kicked
    void (*run)(void *context);
    void *context;
};

enum { SCHEDULER_SLOW_MS = 1000 };

// Each task first runs one interval after the opening. A task that comes late (suspended machine, slow neighbour) runs
// once, and its next interval starts then: nothing is made up for in a burst. The table is copied.
// RESOURCE_EXHAUSTED: no memory or thread.
STATUS_MUST_CHECK enum status scheduler_open(const struct scheduler_task *tasks, size_t count, const struct log *log,
                                             struct scheduler **out);
// Waits for the task that is running, starts no other, stops. Not from a task. NULL-safe.
void scheduler_close(struct scheduler *scheduler);

// Runs the task as soon as the thread is free; its interval starts over. Kicks before it starts count as one, a kick
// while it runs makes it run once more. Never blocks.
void scheduler_kick(struct scheduler *scheduler, size_t index);

#endif
