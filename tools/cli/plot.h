// A chart of calls over time, made of characters: in its columns the allowed are below and the refused on top.
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { PLOT_WIDTH_MAX = 1000, PLOT_HOUR_S = 3600, PLOT_DAY_S = 86400 };

struct plot_point {
    uint64_t start_ms;
    uint64_t allowed;
    uint64_t refused;
};

struct plot {
    const char *title;
    const struct plot_point *points; // in the order of time; a bucket without a point counts as 0
    size_t count;
    uint64_t from_ms;  // where the first bucket begins
    uint64_t to_ms;    // later, not included
    uint32_t bucket_s; // PLOT_HOUR_S or PLOT_DAY_S
    size_t width;      // of the whole in characters, at most PLOT_WIDTH_MAX
    bool utf8;         // false: nothing but ASCII
};

// Prints the chart. When there are more buckets than columns, several share a column, and the title says how many.
// Whatever is not 0 is at least one character high. Times are UTC.
void plot_print(const struct plot *plot, FILE *to);

#endif
