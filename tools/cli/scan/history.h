// The place in the output of `git log -p`: the commit and the file to which the next lines belong.
#ifndef CLI_SCAN_HISTORY_H
#define CLI_SCAN_HISTORY_H

#include <stddef.h>

struct scan_history {
    char commit[65]; // "" before the first
    char path[256];  // of the file in it, "" when none was named; cut when it is longer
    char line[320];  // the beginning of the line under way
    size_t used;
};

// Takes in the next bytes, at most to the end of a line.
void scan_history_feed(struct scan_history *history, const char *bytes, size_t size);

#endif
