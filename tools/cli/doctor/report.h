// What the doctor has found, and what to do about it.
#ifndef CLI_DOCTOR_REPORT_H
#define CLI_DOCTOR_REPORT_H

#include "cli.h"
#include "json.h"

enum report_state { REPORT_OK, REPORT_NOTE, REPORT_WRONG };

struct report {
    struct cli *cli;
    json_t *checks; // for --json
    bool any_wrong;
};

// Says one thing at once, for --json at the end. `advice` says what to do; NULL: nothing. The text of `format` is that
// of the finding.
void report_add(struct report *report, enum report_state state, const char *check, const char *advice,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
// Ends the report.
void report_end(struct report *report);

#endif
