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

// Takes a piece, zeroed and 16-byte aligned, with at least one zero byte behind it: a piece that holds text is
// NUL-terminated.
// Errors: NULL when memory or the budget is out.
void *postern_arena_take(struct postern_arena *arena, size_t size_bytes);
// Takes an array. NULL for count 0, which is no failure.
// Errors: NULL as above.
void *postern_arena_array(struct postern_arena *arena, size_t count, size_t size_bytes);
// Wipes all pieces and gives their memory back; the arena is zeroed afterwards.
void postern_arena_wipe(struct postern_arena *arena);

// Lets protobuf-c allocate from `arena`, which has to outlive the allocator. Its free does nothing.
ProtobufCAllocator postern_arena_allocator(struct postern_arena *arena);

#endif
