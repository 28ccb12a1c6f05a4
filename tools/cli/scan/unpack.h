// Unpacks a stream of bytes: gzip, xz, zstd, bzip2, lzma, lzip, lz4, compress, zip and tar, one in another. Nothing is
// written anywhere, and memory is bounded.
#ifndef CLI_SCAN_UNPACK_H
#define CLI_SCAN_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNPACK_DEPTH_MAX = 8 };               // how often a thing may be packed: x.tar.gz is packed twice
enum { UNPACK_KEPT_MAX = 1 << 20 };          // of what is read only once, to have it as it is after all
#define UNPACK_BYTES_MAX (UINT64_C(4) << 30) // of one stream, all that is in it together

// The caller that takes what is in it. `path` is valid during the call only.
struct unpack_taker {
    void *context;
    // A stream begins; `path` is where it is, like "logs.tar.gz!var/log/messages". It is not packed; or it comes as it
    // is, `is_raw`, behind what was in it: it cannot be unpacked, which the taker was told, or has parts in clear.
    void (*begin)(void *context, const char *path, bool is_raw);
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
