// Who is busiest, and how fast: makes the rows of a view of two answers of Stats.
#ifndef CLI_TOP_RANK_H
#define CLI_TOP_RANK_H

#include "postern/postern.h"

enum { TOP_ROWS_MAX = 256 };

enum top_kind { TOP_ACCOUNTS, TOP_KEYS };

struct top_row {
    const struct postern_busy *busy; // of the newer answer
    bool has_rate;                   // false: not seen before
    double calls_per_s;
};

struct top_view {
    struct top_row rows[TOP_ROWS_MAX]; // the fastest first, then those with most calls in the hour
    size_t count;
    bool has_rates; // false: nothing to compare with
    uint64_t interval_ms;
    double calls_per_s; // of all, peeks excepted
    double refusals_per_s;
};

// Ranks the rows of `now` by their rates since `before`, which may be NULL and is ignored when posternd has been
// started since. Pure.
void top_rank(const struct postern_stats_reply *now, const struct postern_stats_reply *before, enum top_kind kind,
              struct top_view *view);
// Returns the share of refusals in the calls of the hour, in percent.
double top_share(const struct postern_busy *busy);

#endif
