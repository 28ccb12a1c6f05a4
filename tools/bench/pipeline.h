// One thread that keeps many Verify calls outstanding on one connection of its own, as a program with an event loop
// does: it sends as many requests as it got answers at once.
//
// Threads: one.
#ifndef BENCH_PIPELINE_H
#define BENCH_PIPELINE_H

#include "load.h"
#include "sample.h"

struct pipeline_plan {
    const char *url; // ipc://PATH
    const struct sample *verify;
    unsigned outstanding; // at most PIPELINE_MAX
    double seconds;
};

enum { PIPELINE_MAX = 256 };

// Ends at the first failed call. False: could not connect; printed on stderr.
bool pipeline_run(const struct pipeline_plan *plan, struct load_result *result);

#endif
