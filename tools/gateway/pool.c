// Most exchanges need less than the first block, which is part of the exchange itself: they cost one allocation.
#include "pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024 };

struct pool_block {
    struct pool_block *older;
    size_t size;
    _Alignas(max_align_t) unsigned char bytes[];
};

void pool_init(struct pool *pool)
{
    pool->blocks = NULL;
    pool->used = 0;
    pool->size = POOL_FIRST_BYTES;
}

void pool_wipe(struct pool *pool)
{
    size_t used_of_first = pool->blocks != NULL ? POOL_FIRST_BYTES : pool->used;
    for (struct pool_block *block = pool->blocks, *older; block != NULL; block = older) {
        older = block->older;
        explicit_bzero(block->bytes, block->size);
        free(block);
    }
    explicit_bzero(pool->first, used_of_first);
    pool_init(pool);
}

static void add_block(struct pool *pool, size_t wanted)
{
    size_t size = wanted > BLOCK_BYTES ? wanted : BLOCK_BYTES;
    struct pool_block *block = calloc(1, sizeof *block + size);
    if (block == NULL) {
        fputs("postern-gateway: out of memory\n", stderr);
        abort();
    }
    *block = (struct pool_block){.older = pool->blocks, .size = size};
    pool->blocks = block;
    pool->used = 0;
    pool->size = size;
}

void *pool_take(struct pool *pool, size_t count, size_t size_bytes)
{
    const size_t unit = _Alignof(max_align_t);
    size_t wanted = SIZE_MAX - BLOCK_BYTES; // which nobody can have
    if (size_bytes == 0 || count < (wanted - unit) / size_bytes)
        wanted = (count * size_bytes + unit - 1) / unit * unit;
    if (wanted > pool->size - pool->used)
        add_block(pool, wanted);
    unsigned char *bytes = pool->blocks != NULL ? pool->blocks->bytes : pool->first;
    void *taken = bytes + pool->used;
    pool->used += wanted;
    return memset(taken, 0, wanted);
}

char *pool_copy(struct pool *pool, const void *bytes, size_t size)
{
    char *copy = pool_take(pool, size + 1, 1);
    memcpy(copy, bytes, size);
    return copy;
}

char *pool_format(struct pool *pool, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = pool_take(pool, (size > 0 ? (size_t)size : 0) + 1, 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return text;
}
