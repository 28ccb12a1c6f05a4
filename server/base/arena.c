// An arena is a list of blocks, of which a reset keeps the first. Memory is poisoned for ASan until it is handed out,
// so that ASan finds a use of memory that was never handed out or was given back.
#include "base/arena.h"

#include <pthread.h>
#include <sanitizer/asan_interface.h> // its two macros are empty unless the build runs under ASan
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16 };

struct block {
    struct block *next; // in the arena's list
    size_t size;        // of data
    size_t used;
    _Alignas(ALIGNMENT) uint8_t data[];
};

struct arena {
    struct block *first;     // kept over a reset
    struct block *others;    // list of the later ones
    struct block *current;   // the one with the most room, tried first
    size_t budget;           // most bytes that may be handed out
    size_t used;             // bytes handed out, rounded up to the alignment
    size_t held;             // data bytes of all blocks; only the first block may exceed the budget
    struct arena *next_idle; // in the pool's list
};

struct arena_pool {
    _Atomic(struct arena *) spare; // one more idle arena, taken without the lock, because every call takes one
    pthread_mutex_t lock;          // guards idle and idle_count
    struct arena *idle;
    size_t idle_count;
    size_t keep; // in the list
    bool has_spare;
    size_t budget;
};

static struct block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *block = malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->size = size;
    block->used = 0;
    ASAN_POISON_MEMORY_REGION(block->data, size);
    return block;
}

static void block_wipe(struct block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->data, block->used);
    explicit_bzero(block->data, block->used);
    ASAN_POISON_MEMORY_REGION(block->data, block->used);
    block->used = 0;
}

static void block_free(struct block *block)
{
    block_wipe(block);
    ASAN_UNPOISON_MEMORY_REGION(block->data, block->size);
    free(block);
}

struct arena *arena_new(size_t budget_bytes)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        return NULL;
    arena->first = block_new(ARENA_FIRST_BLOCK_SIZE);
    if (arena->first == NULL) {
        free(arena);
        return NULL;
    }
    arena->current = arena->first;
    arena->budget = budget_bytes;
    arena->held = ARENA_FIRST_BLOCK_SIZE;
    return arena;
}

static void free_others(struct arena *arena)
{
    for (struct block *block = arena->others, *next; block != NULL; block = next) {
        next = block->next;
        block_free(block);
    }
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    free_others(arena);
    block_free(arena->first);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    free_others(arena);
    block_wipe(arena->first);
    arena->others = NULL;
    arena->current = arena->first;
    arena->used = 0;
    arena->held = arena->first->size;
}

void arena_set_budget(struct arena *arena, size_t budget_bytes)
{
    arena->budget = budget_bytes;
}

static size_t room_in(const struct block *block)
{
    return block->size - block->used;
}

// Adds a block with room for `size`: twice as large as the current one where the budget allows. NULL when the budget or
// memory is out.
static struct block *add_block(struct arena *arena, size_t size)
{
    size_t left = arena->budget > arena->held ? arena->budget - arena->held : 0;
    if (size > left)
        return NULL;
    size_t wanted = arena->current->size <= left / 2 ? arena->current->size * 2 : left;
    struct block *block = block_new(wanted > size ? wanted : size);
    if (block == NULL)
        return NULL;
    block->next = arena->others;
    arena->others = block;
    arena->held += block->size;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX - ALIGNMENT)
        return NULL;
    size_t size = size_bytes == 0 ? ALIGNMENT : (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (arena->used > arena->budget || size > arena->budget - arena->used)
        return NULL;
    struct block *block = size <= room_in(arena->current) ? arena->current : add_block(arena, size);
    if (block == NULL)
        return NULL;
    void *memory = block->data + block->used;
    block->used += size;
    arena->used += size;
    if (room_in(block) > room_in(arena->current)) // a block for one large piece must not hide a block with more room
        arena->current = block;
    ASAN_UNPOISON_MEMORY_REGION(memory, size_bytes);
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size_bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, size_bytes, &total))
        return NULL;
    void *memory = arena_alloc(arena, total);
    if (memory != NULL)
        memset(memory, 0, total);
    return memory;
}

bool arena_copy(struct arena *arena, struct slice from, struct slice *to)
{
    *to = slice_empty();
    void *memory = arena_alloc(arena, from.size);
    if (memory == NULL)
        return false;
    if (from.size > 0)
        memcpy(memory, from.data, from.size);
    *to = slice_make(memory, from.size);
    return true;
}

struct arena_pool *arena_pool_new(size_t budget_bytes, size_t keep)
{
    struct arena_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return NULL;
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        free(pool);
        return NULL;
    }
    pool->budget = budget_bytes;
    pool->keep = keep > 0 ? keep - 1 : 0;
    pool->has_spare = keep > 0;
    return pool;
}

void arena_pool_free(struct arena_pool *pool)
{
    if (pool == NULL)
        return;
    arena_free(atomic_load(&pool->spare));
    for (struct arena *arena = pool->idle, *next; arena != NULL; arena = next) {
        next = arena->next_idle;
        arena_free(arena);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct arena *arena_pool_take(struct arena_pool *pool)
{
    struct arena *arena = atomic_exchange(&pool->spare, NULL);
    if (arena != NULL)
        return arena;
    pthread_mutex_lock(&pool->lock);
    arena = pool->idle;
    if (arena != NULL) {
        pool->idle = arena->next_idle;
        pool->idle_count--;
    }
    pthread_mutex_unlock(&pool->lock);
    return arena != NULL ? arena : arena_new(pool->budget);
}

static bool try_keep(struct arena_pool *pool, struct arena *arena)
{
    struct arena *none = NULL;
    if (pool->has_spare && atomic_compare_exchange_strong(&pool->spare, &none, arena))
        return true;
    pthread_mutex_lock(&pool->lock);
    bool kept = pool->idle_count < pool->keep;
    if (kept) {
        arena->next_idle = pool->idle;
        pool->idle = arena;
        pool->idle_count++;
    }
    pthread_mutex_unlock(&pool->lock);
    return kept;
}

void arena_pool_give(struct arena_pool *pool, struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_reset(arena);
    arena_set_budget(arena, pool->budget);
    if (!try_keep(pool, arena))
        arena_free(arena);
}
