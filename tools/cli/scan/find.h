// Finds tokens of Postern in a stream of bytes, by their pattern and their checksum, in bounded memory.
//
// A token is PREFIX_[pub_]live|test_BODY; the last 6 of the body's 64 characters are the CRC-32 of all before them, in
// base 62. So what merely looks like a token is not found, and whatever stands around it does not matter. What stands
// between its characters and is none of a token's does not matter either: the ends of lines, the zeros of UTF-16, the
// backslashes of Markdown and of shells, quotation marks, the marks of a diff.
#ifndef CLI_SCAN_FIND_H
#define CLI_SCAN_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCAN_TOKEN_MAX = 94, // 20 of prefix, "_pub", "_live_", 64 of body
    SCAN_KEY_ID_SIZE = 19,
    SCAN_KEPT_SIZE = 4096
};

struct scan_token {
    char text[SCAN_TOKEN_MAX + 1];
    char key_id[SCAN_KEY_ID_SIZE + 1]; // the id in it, of the installation that made it
    bool is_public;
    bool is_live;   // of the environment live
    bool is_base64; // it stood there in base64
    uint64_t line;
};

// How to read the bytes.
enum scan_reading {
    SCAN_PLAIN,
    SCAN_ESCAPED, // "\n", "\r" and "\t" in letters stand for nothing; finds only tokens that have these in them
    SCAN_BASE64   // they were decoded: their line is set from outside
};

// Where a byte stood.
struct scan_mark {
    uint64_t line;
    uint64_t escapes; // that were left out before it
};

struct scan_find {
    void (*found)(void *context, const struct scan_token *token);
    void *context;
    enum scan_reading reading;
    struct scan_mark mark; // of the next byte
    bool after_backslash;
    size_t used;
    size_t next;                         // where to look on
    unsigned char kinds[256];            // of bytes, for find.c alone
    unsigned char bytes[SCAN_KEPT_SIZE]; // those that a token may have
    struct scan_mark marks[SCAN_KEPT_SIZE];
};

// Begins a new stream, at line 1.
void scan_find_begin(struct scan_find *find, enum scan_reading reading,
                     void (*found)(void *context, const struct scan_token *token), void *context);
// `found` is called for each token that is complete with these bytes.
void scan_find_feed(struct scan_find *find, const void *bytes, size_t size);
void scan_find_end(struct scan_find *find); // wipes what was read

#endif
