// Counts spans of time in buckets.
#include "base/durations.h"

#define US UINT64_C(1000)
#define MS (1000 * US)
#define S  (1000 * MS)

const uint64_t durations_bounds_ns[DURATIONS_BOUNDS] = {
    10 * US, 25 * US, 50 * US,  100 * US, 250 * US, 500 * US, 1 * MS,    5 * MS / 2, 5 * MS, 10 * MS,
    25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * S,    5 * S / 2, 5 * S,      10 * S,
};

void durations_note(struct durations *durations, uint64_t span_ns)
{
    size_t bucket = 0;
    while (bucket < DURATIONS_BOUNDS && span_ns > durations_bounds_ns[bucket])
        bucket++;
    atomic_fetch_add_explicit(&durations->counts[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&durations->sum_ns, span_ns, memory_order_relaxed);
}
