// Events of keys that no change tells of: an expiry that comes closer, and activity that is unusual.
#ifndef CLI_EVENT_KEYS_H
#define CLI_EVENT_KEYS_H

#include "cli.h"
#include "event_position.h"

enum { EVENTS_PAGE_TOKEN_MAX = 256 };

// Who reads events, and how far.
struct events {
    struct cli *cli;
    const char *account; // NULL: all that the caller may see
    struct event_position at;
    uint64_t now_ms;        // posternd's time at its last answer
    uint64_t expiry_set_ms; // of the newest change that has set an expiry
};

// Prints the notices of coming expiries that have become due, and moves on to now.
// Errors: those of postern_list.
enum postern_status event_keys_print_expiring(struct events *events);
// Prints what is unusual and was not before.
// Errors: those of postern_list.
enum postern_status event_keys_print_unusual(struct events *events);

#endif
