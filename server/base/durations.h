// How long something took, counted in buckets: what Prometheus makes quantiles of.
//
// Threads: any; to note is two relaxed additions, and a reader may see one of them without the other.
#ifndef BASE_DURATIONS_H
#define BASE_DURATIONS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { DURATIONS_BOUNDS = 19 };

// Upper bounds of the buckets in nanoseconds, 10 microseconds to 10 seconds: three to a decade. One more bucket has
// what took longer.
extern const uint64_t durations_bounds_ns[DURATIONS_BOUNDS];

// Zero it before its use.
struct durations {
    atomic_uint_fast64_t counts[DURATIONS_BOUNDS + 1];
    atomic_uint_fast64_t sum_ns;
};

void durations_note(struct durations *durations, uint64_t span_ns);

#endif
