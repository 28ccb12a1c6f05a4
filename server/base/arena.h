// Request memory: bump allocation inside a hard budget, all given back at once.
//
// Owns: every byte handed out, until the arena is reset or given back; handlers free nothing. The arena then wipes what
// was used, because tokens pass through here.
// Threads: an arena belongs to one request at a time; the pool may be used from any thread.
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena;
struct arena_pool;

enum { ARENA_FIRST_BLOCK_SIZE = 16 * 1024 };

// Allocates the first block at once and more blocks as needed, in all never beyond the budget. NULL when memory is out.
struct arena *arena_new(size_t budget_bytes);
void arena_free(struct arena *arena);  // NULL-safe
void arena_reset(struct arena *arena); // wipes, keeps the first block
// Changes how many bytes may be taken in all. A budget below what is used already only stops further allocation.
void arena_set_budget(struct arena *arena, size_t budget_bytes);

// Allocates 16-byte aligned memory, which is not zeroed; NULL when the budget or memory is out. Size 0 gives a valid
// pointer.
void *arena_alloc(struct arena *arena, size_t size_bytes);
// Allocates a zeroed array; NULL when the budget or memory is out, or count * size_bytes does not fit.
void *arena_array(struct arena *arena, size_t count, size_t size_bytes);
// Copies bytes into the arena. False when the budget or memory is out; then *to is empty.
bool arena_copy(struct arena *arena, struct slice from, struct slice *to) __attribute__((warn_unused_result));

// A pool hands out arenas with `budget_bytes` and keeps up to `keep` idle ones. NULL when memory is out.
struct arena_pool *arena_pool_new(size_t budget_bytes, size_t keep);
void arena_pool_free(struct arena_pool *pool);                      // all arenas must have been given back; NULL-safe
struct arena *arena_pool_take(struct arena_pool *pool);             // with the pool's budget; NULL when memory is out
void arena_pool_give(struct arena_pool *pool, struct arena *arena); // resets it; NULL-safe

#endif
