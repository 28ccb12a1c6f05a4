// Pieces of memory in a list, so that a command need not free them one by one. They may hold tokens and are wiped.
#include "pool.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool_piece {
    struct pool_piece *older;
    size_t size;
    max_align_t bytes[];
};

void *pool_need(void *memory)
{
    if (memory == NULL) {
        fputs("postern: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

void *pool_take(struct pool *pool, size_t count, size_t size_bytes)
{
    struct pool_piece *piece = NULL;
    if (size_bytes == 0 || count < (SIZE_MAX - sizeof *piece) / size_bytes)
        piece = calloc(1, sizeof *piece + count * size_bytes);
    piece = pool_need(piece);
    piece->size = count * size_bytes;
    piece->older = pool->newest;
    pool->newest = piece;
    return piece->bytes;
}

char *pool_text(struct pool *pool, const char *text, size_t size)
{
    char *copy = pool_take(pool, size + 1, 1);
    if (size > 0)
        memcpy(copy, text, size);
    return copy;
}

void pool_wipe(struct pool *pool)
{
    while (pool->newest != NULL) {
        struct pool_piece *older = pool->newest->older;
        explicit_bzero(pool->newest->bytes, pool->newest->size);
        free(pool->newest);
        pool->newest = older;
    }
}
