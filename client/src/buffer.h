// Bytes that are filled at the end and taken from the front. What is taken, moved or freed is wiped: tokens pass
// through here. Threads: the owner's.
#ifndef POSTERN_BUFFER_H
#define POSTERN_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct postern_buffer {
    uint8_t *data;
    size_t capacity;
    size_t begin, end; // of what is in it
};

static inline size_t postern_buffer_size(const struct postern_buffer *buffer)
{
    return buffer->end - buffer->begin;
}
static inline size_t postern_buffer_room(const struct postern_buffer *buffer)
{
    return buffer->capacity - buffer->end;
}
// Makes room for `size` more bytes behind the end.
// Errors: false when memory is out; nothing has changed then.
bool postern_buffer_reserve(struct postern_buffer *buffer, size_t size);
// Copies bytes to the end.
// Errors: false as above.
bool postern_buffer_add(struct postern_buffer *buffer, const void *bytes, size_t size);
// Drops and wipes the first `size` bytes.
void postern_buffer_take(struct postern_buffer *buffer, size_t size);
void postern_buffer_wipe(struct postern_buffer *buffer); // empties it and gives its memory back
// Wipes and frees bytes that are in no buffer; NULL-safe.
void postern_bytes_wipe(uint8_t *bytes, size_t size);

#endif
