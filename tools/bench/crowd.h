// Several processes, each a caller of its own that waits for each answer: as the workers of a service are.
//
// Threads: one. crowd_serve has its process to itself.
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "caller.h"

// Hidden subcommand of postern-bench: CROWD_COMMAND KIND URL SCOPE SECONDS. The token is a line on stdin, whose end
// lets it begin; its words for the one who started it go to stdout.
#define CROWD_COMMAND "caller"

enum { CROWD_MAX = 64 };

struct crowd_plan {
    const struct caller_kind *kind;
    struct caller_target target;
    unsigned processes; // at most CROWD_MAX
    double seconds;
    const char *log_path;
};

// All begin together, when each has had its first answer. `result` holds no latencies, and for `seconds` the mean of
// the processes, so that answered / seconds is what all did together. False: printed on stderr.
bool crowd_run(const struct crowd_plan *plan, struct load_result *result);

int crowd_serve(int argc, char *const argv[]);

#endif
