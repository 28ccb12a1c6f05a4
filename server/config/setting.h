// Room-private: the table of settings. Each is an option of the file (utc_offset) and a flag (--utc-offset) alike.
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include "config/config.h"

enum { SETTING_COUNT = 27 };

struct setting {
    const char *name;     // as in the file
    const char *argument; // what --help calls the value; NULL: a switch, true when given as a flag
    bool list;            // may be given several times
    const char *help;
    // INVALID_ARGUMENT with a note that shows the text and an example.
    enum status (*set)(struct config *config, const char *text, struct status_note *note);
};

extern const struct setting setting_table[SETTING_COUNT];

// NULL when there is none of that name.
const struct setting *setting_find(const char *name);

// Reads the file into `config`, but for the settings marked in `skip` (flags gave them; they are checked all the same).
// False when it cannot be read or is wrong: the error, with file and line, was printed on stderr.
bool setting_read_file(const char *path, const bool skip[SETTING_COUNT], struct config *config);

#endif
