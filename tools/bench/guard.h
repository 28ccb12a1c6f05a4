// Whatever way a benchmark ends, nothing of it stays behind: no process, no directory.
//
// The benchmark runs in a process of its own, in a process group of its own, on a temporary directory that is made for
// it. The process that was started as postern-bench only waits. When the benchmark ends, crashes, or a signal asks for
// the end (Ctrl-C), it kills the group, waits for everybody in it, and removes the directory.
//
// Threads: one, before nng is first used: after fork any nng call would abort.
#ifndef BENCH_GUARD_H
#define BENCH_GUARD_H

#include "options.h"

// Runs the command with options->dir replaced by the temporary directory. Its exit status; 1 when it crashed; 128 and
// the signal's number when one ended it.
int guard_run(const struct command *command, const struct options *options);

#endif
