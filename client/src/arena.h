// Memory of one request or one reply: taken piece by piece, wiped and given back at once.
//
// Threads: an arena belongs to one thread at a time.
#ifndef POSTERN_ARENA_H
#define POSTERN_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct postern_arena_block;

// Zeroed it is ready for use, once `budget_bytes` is set. Running out is sticky: check `failed` once at the end.
struct postern_arena {
    struct postern_arena_block *newest;
    size_t budget_bytes; // still to be taken
    bool failed;
};

// Zeroed and 16-byte aligned, and always followed by at least one zero byte, so that a piece holding text is
// NUL-terminated. NULL when memory or the budget is out.
void *postern_arena_take(struct postern_arena *arena, size_t size_bytes);
// An array; NULL also for count 0 (not a failure).
void *postern_arena_array(struct postern_arena *arena, size_t count, size_t size_bytes);
void postern_arena_wipe(struct postern_arena *arena);

// For protobuf-c; `arena` has to outlive it. Its free does nothing.
ProtobufCAllocator postern_arena_allocator(struct postern_arena *arena);

#endif
