// Unpacks a stream of bytes: gzip, xz, zstd, bzip2, zip and tar, one in another. Nothing is written anywhere, and
// memory is bounded.
#ifndef CLI_SCAN_UNPACK_H
#define CLI_SCAN_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNPACK_DEPTH_MAX = 8 };               // how often a thing may be packed: x.tar.gz is packed twice
#define UNPACK_BYTES_MAX (UINT64_C(4) << 30) // of one stream, all that is in it together

// The caller that takes what is in it. `path` is valid during the call only.
struct unpack_taker {
    void *context;
    // A stream begins that is not packed; `path` is where it is, like "logs.tar.gz!var/log/messages".
    void (*begin)(void *context, const char *path);
    // The next bytes of it.
    void (*take)(void *context, const void *bytes, size_t size);
    void (*end)(void *context);
    // Something could not be read, from the beginning or from here on.
    void (*problem)(void *context, const char *path, const char *why);
};

// Reads what the descriptor gives until its end, or until more than `bytes_max` bytes were unpacked. What is not packed
// is taken as it is, as soon as it comes and without any bound.
void unpack(int descriptor, const char *path, uint64_t bytes_max, const struct unpack_taker *taker);

#endif
