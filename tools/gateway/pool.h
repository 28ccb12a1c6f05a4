// The memory of one exchange: taken piece by piece, wiped and given back at once when it has ended.
//
// Threads: a pool belongs to one thread at a time.
#ifndef GATEWAY_POOL_H
#define GATEWAY_POOL_H

#include <stddef.h>

enum { POOL_FIRST_BYTES = 4096 };

struct pool {
    struct pool_block *blocks; // beyond the first, the newest first
    size_t used;               // of the newest block, or of `first`
    size_t size;               // of the same
    _Alignas(max_align_t) unsigned char first[POOL_FIRST_BYTES];
};

void pool_init(struct pool *pool);
// Wipes and frees all that was taken.
void pool_wipe(struct pool *pool);
// Takes zeroed memory. Ends the process when there is none.
void *pool_take(struct pool *pool, size_t count, size_t size_bytes);
// Copies `size` bytes and adds a NUL.
char *pool_copy(struct pool *pool, const void *bytes, size_t size);
char *pool_format(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
