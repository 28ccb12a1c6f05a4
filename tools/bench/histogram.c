// The bucket of a latency is its leading bits, so that noting one costs a shift and an addition.
#include "histogram.h"

#include <stdlib.h>

enum { STEP_BITS = 6 }; // HISTOGRAM_STEPS = 1 << STEP_BITS

// Below 128 the bucket is the value; above, the six bits after the leading one.
static size_t bucket_of(uint64_t value)
{
    unsigned shift = 0;
    while (value >> shift >= 2 * HISTOGRAM_STEPS)
        shift++;
    const uint64_t bucket = ((uint64_t)shift << STEP_BITS) + (value >> shift);
    return bucket < HISTOGRAM_BUCKETS ? (size_t)bucket : HISTOGRAM_BUCKETS - 1;
}

static double middle_of(size_t bucket)
{
    if (bucket < 2 * HISTOGRAM_STEPS)
        return (double)bucket;
    const size_t shift = (bucket >> STEP_BITS) - 1;
    const uint64_t low = (uint64_t)(bucket - (shift << STEP_BITS)) << shift;
    return (double)low + (double)(UINT64_C(1) << shift) / 2;
}

void histogram_note(struct histogram *histogram, uint64_t value_ns)
{
    histogram->counts[bucket_of(value_ns)]++;
}

void histogram_add(struct histogram *to, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        to->counts[i] += from->counts[i];
}

double histogram_percentile(const struct histogram *histogram, double share)
{
    uint64_t total = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        total += histogram->counts[i];
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (histogram->counts[i] > 0 && (double)seen >= share * (double)total)
            return middle_of(i);
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double histogram_median(double *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}
