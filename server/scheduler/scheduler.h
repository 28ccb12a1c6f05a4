// The one background clockwork: a thread that runs a fixed table of short tasks, each at its interval.
//
// Owns: the thread. Tasks run one at a time, so a task must be short (milliseconds, no waiting for a network); one that
// takes longer than a second is logged, because it has delayed the others.
// Threads: tasks run on the scheduler's thread, which takes no signals.
// Time: CLOCK_MONOTONIC for intervals only; a task that needs the time asks its own clock.
#ifndef SCHEDULER_SCHEDULER_H
#define SCHEDULER_SCHEDULER_H

#include "base/log.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct scheduler;

struct scheduler_task {
    const char *name;     // for the log; must outlive the scheduler
    uint64_t interval_ms; // from start to start
    void (*run)(void *context);
    void *context;
};

enum { SCHEDULER_SLOW_MS = 1000 };

// Copies the table, which is not empty, and starts the thread; each task first runs after one interval. A task that is
// late (suspended machine, slow neighbour) runs once, and its next interval starts then: none is made up for.
// Errors: RESOURCE_EXHAUSTED when there is no memory or no thread.
STATUS_MUST_CHECK enum status scheduler_open(const struct scheduler_task *tasks, size_t count, const struct log *log,
                                             struct scheduler **out);
// Waits for the task that is running, starts no other, and stops. Must not be called from a task. NULL-safe.
void scheduler_close(struct scheduler *scheduler);

#endif
