// Bytes go in at the end and out at the front without being moved for each: what was taken leaves a gap at the front,
// which is closed only when the room behind the end is too small. Whatever is left behind is wiped.
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 4096 };

static bool grow(struct postern_buffer *buffer, size_t wanted)
{
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : CAPACITY_MIN;
    while (capacity < wanted)
        capacity *= 2;
    uint8_t *data = malloc(capacity);
    if (data == NULL)
        return false;
    size_t size = postern_buffer_size(buffer);
    if (size > 0)
        memcpy(data, buffer->data + buffer->begin, size);
    postern_buffer_wipe(buffer);
    *buffer = (struct postern_buffer){.data = data, .capacity = capacity, .end = size};
    return true;
}

bool postern_buffer_reserve(struct postern_buffer *buffer, size_t size)
{
    size_t there = postern_buffer_size(buffer);
    if (postern_buffer_room(buffer) >= size)
        return true;
    if (buffer->capacity - there < size)
        return grow(buffer, there + size);
    // What was moved away from is wiped, as far as nothing has been moved there.
    size_t stale = there > buffer->begin ? there : buffer->begin;
    memmove(buffer->data, buffer->data + buffer->begin, there);
    explicit_bzero(buffer->data + stale, buffer->end - stale);
    buffer->begin = 0;
    buffer->end = there;
    return true;
}

bool postern_buffer_add(struct postern_buffer *buffer, const void *bytes, size_t size)
{
    if (!postern_buffer_reserve(buffer, size))
        return false;
    if (size > 0)
        memcpy(buffer->data + buffer->end, bytes, size);
    buffer->end += size;
    return true;
}

void postern_buffer_take(struct postern_buffer *buffer, size_t size)
{
    if (size > 0)
        explicit_bzero(buffer->data + buffer->begin, size);
    buffer->begin += size;
    if (buffer->begin == buffer->end)
        buffer->begin = buffer->end = 0;
}

void postern_buffer_wipe(struct postern_buffer *buffer)
{
    if (buffer->data != NULL)
        explicit_bzero(buffer->data + buffer->begin, postern_buffer_size(buffer));
    free(buffer->data);
    *buffer = (struct postern_buffer){NULL, 0, 0, 0};
}

void postern_bytes_wipe(uint8_t *bytes, size_t size)
{
    if (bytes != NULL)
        explicit_bzero(bytes, size);
    free(bytes);
}
