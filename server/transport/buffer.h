// Room-private: bytes that are filled at the end and taken from the front, counted against the transport's memory.
// Bytes that are taken, moved or freed are wiped, because tokens pass through here. Threads: the owner's.
#ifndef TRANSPORT_BUFFER_H
#define TRANSPORT_BUFFER_H

#include "base/slice.h"

#include <stdatomic.h>

// The memory that all buffers share.
struct buffer_budget {
    size_t max_bytes;
    atomic_size_t used_bytes;
};

struct buffer {
    struct buffer_budget *budget;
    uint8_t *data;
    size_t capacity;
    size_t begin, end; // of its bytes
};

static inline size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->begin;
}
static inline size_t buffer_room(const struct buffer *buffer)
{
    return buffer->capacity - buffer->end;
}
static inline struct slice buffer_bytes(const struct buffer *buffer)
{
    return slice_make(buffer->data + buffer->begin, buffer->end - buffer->begin);
}
// Makes room for `size` more bytes behind the end, by moving its bytes or by growing. False when the budget or memory
// is out; then nothing has changed.
bool buffer_reserve(struct buffer *buffer, size_t size) __attribute__((warn_unused_result));
// Takes `size` bytes from the front.
void buffer_take(struct buffer *buffer, size_t size);
// Gives memory back when the buffer is empty and larger than `capacity`.
void buffer_shrink(struct buffer *buffer, size_t capacity);
void buffer_wipe(struct buffer *buffer); // empties it and gives all memory back
void buffer_swap(struct buffer *a, struct buffer *b);

#endif
