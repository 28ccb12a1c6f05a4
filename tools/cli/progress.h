// A line on standard error that says how far a long command is, and that other lines do not run into.
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool is_shown, on_terminal; // elsewhere each look is a line of its own
    bool line_open;
    uint64_t shown_ms;
};

// Readies it: it is shown on a terminal, and with `always` elsewhere too.
struct progress progress_begin(bool always);
// Is it time to show it again?
bool progress_is_due(const struct progress *progress);
void progress_show(struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Clears the line, before anything else is written to a terminal.
void progress_clear(struct progress *progress);

#endif
