// Parses and writes frames of the SP protocol. Bytes may end anywhere, so each step first asks how much is there.
#include "transport/frame.h"

#include <string.h>

enum { TYPE_MESSAGE = 1, LENGTH_SIZE = 8, REQUEST_ID_BIT = 0x80 };

const uint8_t frame_greeting[FRAME_GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

enum frame_result frame_check_greeting(struct slice bytes)
{
    static const uint8_t expected[FRAME_GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    size_t there = bytes.size < sizeof expected ? bytes.size : sizeof expected;
    if (there > 0 && memcmp(bytes.data, expected, there) != 0)
        return FRAME_BAD;
    return there == sizeof expected ? FRAME_WHOLE : FRAME_PART;
}

static uint64_t read_length(const uint8_t bytes[LENGTH_SIZE])
{
    uint64_t value = 0;
    for (size_t i = 0; i < LENGTH_SIZE; i++)
        value = value << 8 | bytes[i];
    return value;
}

// Measures the ids that begin a message of `size` bytes, of which the first `there` bytes have come.
static enum frame_result measure_ids(const uint8_t *message, size_t there, size_t size, size_t *out)
{
    for (size_t at = 0; at < FRAME_IDS_MAX; at += FRAME_ID_SIZE) {
        if (size - at < FRAME_ID_SIZE)
            return FRAME_BAD;
        if (there - at < FRAME_ID_SIZE)
            return FRAME_PART;
        if ((message[at] & REQUEST_ID_BIT) != 0) {
            *out = at + FRAME_ID_SIZE;
            return FRAME_WHOLE;
        }
    }
    return FRAME_BAD;
}

enum frame_result frame_parse(const struct frame_format *format, struct slice bytes, struct frame *out)
{
    const size_t type_size = format->has_type ? 1 : 0, header = type_size + LENGTH_SIZE;
    *out = (struct frame){.size = 0};
    if (format->has_type && bytes.size > 0 && bytes.data[0] != TYPE_MESSAGE)
        return FRAME_BAD;
    if (bytes.size < header)
        return FRAME_PART;
    uint64_t claimed = read_length(bytes.data + type_size);
    if (claimed > format->body_max + FRAME_IDS_MAX)
        return FRAME_BAD;
    const size_t size = (size_t)claimed;
    const size_t there = bytes.size - header < size ? bytes.size - header : size;
    const uint8_t *message = bytes.data + header;
    size_t ids = 0;
    enum frame_result result = measure_ids(message, there, size, &ids);
    if (result != FRAME_WHOLE)
        return result;
    if (size - ids > format->body_max)
        return FRAME_BAD;
    *out = (struct frame){header + size, slice_make(message, ids), slice_make(message + ids, there - ids)};
    return there == size ? FRAME_WHOLE : FRAME_PART;
}

size_t frame_prefix_size(const struct frame_format *format, size_t ids_size)
{
    return (format->has_type ? (size_t)1 : 0) + LENGTH_SIZE + ids_size;
}

void frame_write_prefix(const struct frame_format *format, struct slice ids, size_t body_size, uint8_t *out)
{
    uint64_t length = ids.size + body_size;
    if (format->has_type)
        *out++ = TYPE_MESSAGE;
    for (size_t i = 0; i < LENGTH_SIZE; i++)
        out[i] = (uint8_t)(length >> (8 * (LENGTH_SIZE - 1 - i)));
    memcpy(out + LENGTH_SIZE, ids.data, ids.size);
}
