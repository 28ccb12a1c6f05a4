// Finds tokens of Postern in a stream of bytes, by their pattern and their checksum, in bounded memory.
//
// A token is PREFIX_[pub_]live|test_BODY; the last 6 of the body's 64 characters are the CRC-32 of all before them, in
// base 62. So what merely looks like a token is not found, whatever stands around it does not matter, and one that is
// cut by the border of two pieces is found all the same.
#ifndef CLI_SCAN_FIND_H
#define CLI_SCAN_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCAN_TOKEN_MAX = 94, // 20 of prefix, "_pub", "_live_", 64 of body
    SCAN_KEY_ID_SIZE = 19,
    SCAN_BUFFER_SIZE = 65536
};

struct scan_token {
    char text[SCAN_TOKEN_MAX + 1];
    char key_id[SCAN_KEY_ID_SIZE + 1];
    bool is_public;
    bool is_live; // of the environment live
    uint64_t line;
};

struct scan_find {
    void (*found)(void *context, const struct scan_token *token);
    void *context;
    uint64_t line; // of the buffer's first byte
    size_t used;
    size_t next; // where to look on
    unsigned char bytes[SCAN_BUFFER_SIZE];
};

// Begins a new stream, at line 1.
void scan_find_begin(struct scan_find *find, void (*found)(void *context, const struct scan_token *token),
                     void *context);
// `found` is called for each token that is complete with these bytes.
void scan_find_feed(struct scan_find *find, const void *bytes, size_t size);
void scan_find_end(struct scan_find *find); // wipes what was read

// The place in the output of `git log -p`: the commit and the file to which the next lines belong.
struct scan_history {
    char commit[65]; // "" before the first
    char path[256];  // of the file in it, "" when none was named; cut when it is longer
    char line[320];  // the beginning of the line under way
    size_t used;
};

// Takes in the next bytes, at most to the end of a line.
void scan_history_feed(struct scan_history *history, const char *bytes, size_t size);

#endif
