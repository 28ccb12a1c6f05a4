// The table of settings. Each is both an option of the file (key_header) and a flag (--key-header).
#ifndef GATEWAY_SETTING_H
#define GATEWAY_SETTING_H

#include "options.h"

struct setting {
    const char *name;     // as on the command line
    const char *argument; // what --help calls the value; NULL: a switch, "true" when given as a flag
    const char *help;
    // Takes the value. Returns what is wrong with it and what to write, or NULL.
    const char *(*set)(struct options *options, const char *text);
    bool is_list; // may be given several times
};

enum { SETTING_COUNT = 17 };

extern const struct setting setting_table[SETTING_COUNT];

// Returns the index of the setting with that name, with '_' for '-'; SETTING_COUNT: there is none.
unsigned setting_find(const char *name);

#endif
