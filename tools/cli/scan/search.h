// Finds the tokens in a stream however they are written: as they are, in UTF-16, split, or in base64. In bounded
// memory.
#ifndef CLI_SCAN_SEARCH_H
#define CLI_SCAN_SEARCH_H

#include "scan/find.h"

// Where a group of four characters of base64 begins is not known, so each of the four places is tried.
enum { SCAN_PHASES = 4, SCAN_PIECE_SIZE = 768 };

struct scan_phase {
    struct scan_find find;
    unsigned char piece[SCAN_PIECE_SIZE]; // decoded, on its way to `find`
    size_t used;
};

struct scan_search {
    struct scan_find plain;
    struct scan_find escaped;
    // base64
    struct scan_phase phases[SCAN_PHASES];
    unsigned phase; // at which a group ends with the next character
    uint32_t group; // the last characters' values, 6 bits each
    bool after_backslash;
    uint64_t line;
    bool at_line_begin;
    signed char values[256]; // of a byte in base64, -1: it is none
};

// Begins a new stream, at line 1.
void scan_search_begin(struct scan_search *search, void (*found)(void *context, const struct scan_token *token),
                       void *context);
// `found` is called for each token that is complete with these bytes.
void scan_search_feed(struct scan_search *search, const void *bytes, size_t size);
// Ends the stream: what is complete is found now at the latest.
void scan_search_finish(struct scan_search *search);
void scan_search_wipe(struct scan_search *search); // what was read

#endif
