// A buffer grows and moves what it holds to the front, but takes memory only from the budget of all connections.
#include "transport/buffer.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_UNIT = 4096 };

static bool take_memory(struct buffer_budget *budget, size_t size)
{
    size_t before = atomic_fetch_add_explicit(&budget->used_bytes, size, memory_order_relaxed);
    if (before + size <= budget->max_bytes)
        return true;
    atomic_fetch_sub_explicit(&budget->used_bytes, size, memory_order_relaxed);
    return false;
}

static void release(struct buffer *buffer)
{
    if (buffer->data == NULL)
        return;
    explicit_bzero(buffer->data + buffer->begin, buffer->end - buffer->begin);
    free(buffer->data);
    atomic_fetch_sub_explicit(&buffer->budget->used_bytes, buffer->capacity, memory_order_relaxed);
}

static bool grow(struct buffer *buffer, size_t wanted)
{
    size_t capacity = 2 * buffer->capacity;
    if (capacity < wanted)
        capacity = (wanted + CAPACITY_UNIT - 1) / CAPACITY_UNIT * CAPACITY_UNIT;
    if (!take_memory(buffer->budget, capacity))
        return false;
    uint8_t *data = malloc(capacity);
    if (data == NULL) {
        atomic_fetch_sub_explicit(&buffer->budget->used_bytes, capacity, memory_order_relaxed);
        return false;
    }
    size_t size = buffer_size(buffer);
    if (size > 0)
        memcpy(data, buffer->data + buffer->begin, size);
    release(buffer);
    *buffer = (struct buffer){.budget = buffer->budget, .data = data, .capacity = capacity, .end = size};
    return true;
}

// Moves the bytes to the front, and wipes where they have been, as far as nothing was moved there.
static void move_to_front(struct buffer *buffer)
{
    size_t size = buffer_size(buffer), stale = size > buffer->begin ? size : buffer->begin;
    memmove(buffer->data, buffer->data + buffer->begin, size);
    explicit_bzero(buffer->data + stale, buffer->end - stale);
    buffer->begin = 0;
    buffer->end = size;
}

bool buffer_reserve(struct buffer *buffer, size_t size)
{
    if (buffer_room(buffer) >= size)
        return true;
    if (buffer->capacity - buffer_size(buffer) < size)
        return grow(buffer, buffer_size(buffer) + size);
    move_to_front(buffer);
    return true;
}

void buffer_take(struct buffer *buffer, size_t size)
{
    explicit_bzero(buffer->data + buffer->begin, size);
    buffer->begin += size;
    if (buffer->begin == buffer->end)
        buffer->begin = buffer->end = 0;
}

void buffer_shrink(struct buffer *buffer, size_t capacity)
{
    if (buffer_size(buffer) == 0 && buffer->capacity > capacity)
        buffer_wipe(buffer);
}

void buffer_wipe(struct buffer *buffer)
{
    release(buffer);
    *buffer = (struct buffer){.budget = buffer->budget};
}

void buffer_swap(struct buffer *a, struct buffer *b)
{
    struct buffer kept = *a;
    *a = *b;
    *b = kept;
}
