// Latencies in buckets of at most 1.6 % width, and medians of small series.
//
// Threads: a histogram belongs to one thread at a time.
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * 36 }; // up to 2^41 ns, 36 minutes

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_note(struct histogram *histogram, uint64_t value_ns);
void histogram_add(struct histogram *to, const struct histogram *from);
// The value that `share` (0 to 1) of all stay below; 0 when there are none.
double histogram_percentile(const struct histogram *histogram, double share);

// Sorts `values`.
double histogram_median(double *values, size_t count);

#endif
