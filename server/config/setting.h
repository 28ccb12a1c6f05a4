// Room-private: the table of settings. Each is both an option of the file (utc_offset) and a flag (--utc-offset).
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include "config/config.h"

enum { SETTING_COUNT = 31 };

struct setting {
    const char *name;     // as in the file
    const char *argument; // what --help calls the value; NULL: a switch, true when given as a flag
    bool list;            // may be given several times
    const char *help;
    // Takes the value.
    // Errors: INVALID_ARGUMENT whose text shows the value and an example.
    enum status (*set)(struct config *config, const char *text, struct status_failure *failure);
};

extern const struct setting setting_table[SETTING_COUNT];

// Returns the setting of that name, or NULL.
const struct setting *setting_find(const char *name);

// Reads the file into `config`. Settings marked in `skip` are checked but not taken, because flags gave them. False
// when the file cannot be read or is wrong; then it has printed the error, with file and line, on stderr.
bool setting_read_file(const char *path, const bool skip[SETTING_COUNT], struct config *config);

#endif
