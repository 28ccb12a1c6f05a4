// What the files of the command events share: who reads, and what has been read.
#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

#include "cli.h"
#include "event_position.h"
#include "json.h"

enum { EVENTS_PAGE_TOKEN_MAX = 256 };

struct events {
    struct cli *cli;
    const char *account; // NULL: all that the caller may see
    struct event_position at;
    uint64_t now_ms; // posternd's time at its last answer
};

// Prints an event on a line, with the members of the object and the position, which must hold this event already.
void events_print(const struct events *events, const char *event, uint64_t time_ms, json_t *members);
// Prints the notices of coming expiries that have become due, and moves on to now. Errors: as postern_list.
enum postern_status events_look_for_expiries(struct events *events);
// Prints what is unusual and was not before. Errors: as postern_list.
enum postern_status events_look_for_unusual(struct events *events);

#endif
