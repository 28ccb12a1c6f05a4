// What was measured, on stdout: a small table for people, or one JSON object.
//
// Threads: one.
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct report {
    bool json;
    bool first;
};

enum report_bound { REPORT_AT_LEAST, REPORT_BELOW, REPORT_AT_MOST };

void report_open(struct report *report, const char *benchmark, bool json);
// `key` is for programs, `label` and `unit` for people. Numbers are printed with `decimals` digits after the point.
void report_text(struct report *report, const char *key, const char *label, const char *text);
void report_figure(struct report *report, const char *key, const char *label, const char *unit, int decimals,
                   double value);
void report_series(struct report *report, const char *key, const char *label, const char *unit, const double *values,
                   size_t count);
// A figure with a target: says "reached" or "not reached".
void report_target(struct report *report, const char *key, const char *label, const char *unit, double value,
                   enum report_bound bound, double target);
// Two sides of the same figure, and what their ratio has to be: a row of a table.
struct report_comparison {
    const char *key, *label, *unit;
    double ours, theirs;
    enum report_bound bound;
    double target;
};

void report_comparison_head(struct report *report);
void report_comparison(struct report *report, const struct report_comparison *row);
// Ends with the machine: cores, processor, kernel, date, and the file system of `dir` (NULL: none was used).
void report_close(struct report *report, const char *dir);

#endif
