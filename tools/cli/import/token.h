// What the text of a token says before posternd sees it.
#ifndef CLI_IMPORT_TOKEN_H
#define CLI_IMPORT_TOKEN_H

#include <stddef.h>

enum import_token_finding {
    IMPORT_TOKEN_SPACE = 1,      // there was white space around it
    IMPORT_TOKEN_BEARER = 2,     // there was "Bearer " before it, as in the header of a request
    IMPORT_TOKEN_ID_BEFORE = 4,  // it is like "17|secret"
    IMPORT_TOKEN_DIGEST = 8,     // it is like a SHA-256 in hex
    IMPORT_TOKEN_MARK = 16,      // there was a byte order mark around it
    IMPORT_TOKEN_QUOTES = 32,    // there were quotation marks around it
    IMPORT_TOKEN_HEADER = 64,    // there was "Authorization:" before it
    IMPORT_TOKEN_ONE_QUOTE = 128 // there is a quotation mark on one side of it
};

// Finds the token in a text of *size bytes: returns where it begins, *size becomes its size, *findings these, or'ed.
const char *import_token_find(const char *text, size_t *size, unsigned *findings);

#endif
