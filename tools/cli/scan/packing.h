// What a stream is packed in, as its first bytes tell.
#ifndef CLI_SCAN_PACKING_H
#define CLI_SCAN_PACKING_H

#include "scan/libarchive.h"

#include <stdbool.h>
#include <stddef.h>

enum { PACKING_HEAD_SIZE = 512 };

struct packing {
    const char *name;
    const char *magic; // its first bytes; NULL: `fits` alone tells
    size_t magic_size;
    // Are these, which begin with the magic, its first bytes? `is_all`: there are no more. NULL: the magic is enough.
    bool (*fits)(const unsigned char *head, size_t size, bool is_all);
    int filter;           // of libarchive, for what is compressed as a whole
    bool has_entries;     // with names
    bool is_partly_clear; // it has names, comments and what is added to it beside what is packed
    // Lets an archive read it. NULL: it is only known, and not read.
    int (*support)(const struct libarchive *lib, struct archive *archive, const struct packing *packing);
    const char *sign; // of those parts that are packed in what is text; NULL: all of it is
};

// May the packing be told by the head, although more may come?
bool packing_may_be_told(const unsigned char *head, size_t size);
// Returns NULL when it is packed in nothing that is known.
const struct packing *packing_find(const unsigned char *head, size_t size, bool is_all);

// Looks for a packing's sign in bytes that come in pieces. Begins with the text alone.
struct packing_sign {
    const char *text;
    size_t matched; // of its characters, the last that came
    bool is_found;
};

void packing_look_for_sign(struct packing_sign *sign, const unsigned char *bytes, size_t size);

#endif
