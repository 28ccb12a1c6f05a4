// Memory of one request or reply is taken in many small pieces and given back at once: pieces are cut from blocks of
// 4 KiB, so that an answer costs few calls of malloc and nothing of it can be forgotten when it is wiped.
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, BLOCK_SIZE = 4096 };

struct postern_arena_block {
    struct postern_arena_block *older;
    size_t used;
    size_t size;
    alignas(ALIGNMENT) unsigned char bytes[];
};

static struct postern_arena_block *add_block(struct postern_arena *arena, size_t at_least)
{
    size_t size = at_least > BLOCK_SIZE ? at_least : BLOCK_SIZE;
    struct postern_arena_block *block = calloc(1, sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    block->older = arena->newest;
    arena->newest = block;
    return block;
}

void *postern_arena_take(struct postern_arena *arena, size_t size_bytes)
{
    if (arena->failed || size_bytes >= arena->budget_bytes)
        goto out;
    size_t whole = (size_bytes + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (whole > arena->budget_bytes)
        goto out;
    struct postern_arena_block *block = arena->newest;
    if (block == NULL || block->size - block->used < whole)
        block = add_block(arena, whole);
    if (block == NULL)
        goto out;
    void *piece = block->bytes + block->used;
    block->used += whole;
    arena->budget_bytes -= whole;
    return piece;
out:
    arena->failed = true;
    return NULL;
}

void *postern_arena_array(struct postern_arena *arena, size_t count, size_t size_bytes)
{
    if (count == 0)
        return NULL;
    return postern_arena_take(arena, size_bytes <= SIZE_MAX / count ? count * size_bytes : SIZE_MAX);
}

void postern_arena_wipe(struct postern_arena *arena)
{
    struct postern_arena_block *block = arena->newest;
    while (block != NULL) {
        struct postern_arena_block *older = block->older;
        explicit_bzero(block->bytes, block->used);
        free(block);
        block = older;
    }
    *arena = (struct postern_arena){0};
}

static void *take_for_protobuf(void *arena, size_t size_bytes)
{
    return postern_arena_take(arena, size_bytes);
}

static void keep(void *arena, void *piece)
{
    (void)arena;
    (void)piece;
}

ProtobufCAllocator postern_arena_allocator(struct postern_arena *arena)
{
    return (ProtobufCAllocator){.alloc = take_for_protobuf, .free = keep, .allocator_data = arena};
}
