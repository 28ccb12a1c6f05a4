// Memory that is taken piece by piece and given back at once, wiped.
#ifndef CLI_POOL_H
#define CLI_POOL_H

#include <stddef.h>

struct pool_piece;

// Zeroed it is empty.
struct pool {
    struct pool_piece *newest;
};

// Returns `memory`, what an allocation gave; for NULL it ends the program.
void *pool_need(void *memory);
// Takes zeroed memory; never NULL.
void *pool_take(struct pool *pool, size_t count, size_t size_bytes);
// Takes a copy of the text, with a NUL behind it; never NULL.
char *pool_text(struct pool *pool, const char *text, size_t size);
void pool_wipe(struct pool *pool);

#endif
