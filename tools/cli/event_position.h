// Where a reader of events is: what it has printed of changes, coming expiries and unusual activity. Every line carries
// it as text, so that a reader that begins behind a line misses nothing and repeats nothing.
//
// The text is SEQ[.PARTS]/TIME[.KEY]/HOUR[+KEYFLAGS]... and says what was printed:
//   SEQ[.PARTS]         all changes before SEQ, and of SEQ all records, or the first PARTS
//   TIME[.KEY]          all notices of expiries before TIME, and of TIME those of all keys, or those up to KEY
//   HOUR[+KEYFLAGS]...  of the unusual activity of HOUR, these flags of these keys
// KEY is a key id without its "key_"; times are Unix milliseconds. After SEQ alone the reader has all changes up to
// SEQ, and begins with the notices since the change behind it.
#ifndef CLI_EVENT_POSITION_H
#define CLI_EVENT_POSITION_H

#include "json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EVENT_KEY_SIZE = 15,        // of a key id without "key_"
    EVENT_SEEN_TOLD = 64,       // how many of the flagged keys are in the text: the newest
    EVENT_POSITION_SIZE = 1280, // of the text
    EVENT_FLAGS = 3             // enum postern_unusual
};

// A key whose activity was printed.
struct event_seen {
    char key[EVENT_KEY_SIZE + 1];
    unsigned flags; // 1 << (enum postern_unusual - 1), or'ed
};

// Zeroed it is before all events.
struct event_position {
    uint64_t seq;
    uint64_t parts; // of the change `seq` that are printed, when not all are; else 0
    bool has_times; // what follows is set
    uint64_t expiry_ms;
    char expiry_key[EVENT_KEY_SIZE + 1]; // "": all of that moment
    uint64_t hour_ms;
    struct event_seen *seen; // of this hour, in the order in which they came; on the heap
    size_t seen_count;
    size_t seen_room;
};

// Reads the text.
// Errors: false when it is no position.
bool event_position_parse(const char *text, struct event_position *position);
void event_position_format(const struct event_position *position, char text[EVENT_POSITION_SIZE]);
// Prints an event on a line, with the members of the object and with the position, which must hold this event already.
void event_print(const struct event_position *position, const char *event, uint64_t time_ms, json_t *members);
// Was the notice of this moment and key printed? `key` is without "key_".
bool event_position_has_expiry(const struct event_position *position, uint64_t time_ms, const char *key);
// Returns those flags of this key that were not seen before in this hour, and remembers them as seen. `key_id` is as in
// the protocol, or without "key_".
unsigned event_position_see(struct event_position *position, const char *key_id, unsigned flags);
// Begins another hour.
void event_position_turn(struct event_position *position, uint64_t hour_ms);
void event_position_wipe(struct event_position *position);

// Returns a key id without its "key_"; "" when the text is no key id.
const char *event_key(const char *key_id);

#endif
