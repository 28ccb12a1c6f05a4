// The terminal that standard output is, or is not.
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

struct terminal_size {
    size_t columns;
    size_t lines;
};

// COLUMNS and LINES of the environment, else what the terminal says, else 80 and 24. At least 20 and 5.
struct terminal_size terminal_size(void);
// Does it understand control sequences?
bool terminal_is_live(void);
// Does the locale (LC_ALL, LC_CTYPE, LANG) write UTF-8?
bool terminal_is_utf8(void);

#endif
