// Memory that is taken piece by piece and given back at once, wiped.
#ifndef CLI_POOL_H
#define CLI_POOL_H

#include <stddef.h>

struct pool_piece;

// Zeroed it is empty.
struct pool {
    struct pool_piece *newest;
};

// What an allocation gave: without memory the program ends.
void *pool_need(void *memory);
// Zeroed, never NULL.
void *pool_take(struct pool *pool, size_t count, size_t size_bytes);
// A copy with a NUL behind it.
char *pool_text(struct pool *pool, const char *text, size_t size);
void pool_wipe(struct pool *pool);

#endif
