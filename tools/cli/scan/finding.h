// A token that was found, and how it is shown.
#ifndef CLI_SCAN_FINDING_H
#define CLI_SCAN_FINDING_H

#include "scan/history.h"
#include "scan/key_state.h"

enum { FINDING_PATH_SIZE = 256 };

struct finding {
    const char *path;
    const struct scan_history *history; // where that is one
    const struct scan_token *token;
    const struct key_state *key;
};

void finding_print(const struct finding *finding);
void finding_print_json(const struct finding *finding);
// Writes a path, which may be any bytes: what would steer the terminal is shown as '?'.
const char *finding_path(const char *path, char shown[FINDING_PATH_SIZE]);

#endif
