// Unpacks into an arena. protobuf-c takes memory for whatever the bytes announce, and does not say where they do not
// unpack. So single fields are read here, too, without any memory: of every request that is not small, before it is
// unpacked, to see that its lists keep their bounds (check_excess, by route.c), and of bytes that do not unpack, to
// answer under the request's id. It is no faster way to read a message: docs/benchmarks.md.
#include "rpc/codec.h"

#include <string.h>

#include "record/record.h"

enum { TAG_REQUEST_ID = 1, TAG_FIRST_CALL = 16 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

Postern__V1__Request *codec_decode(struct arena *arena, struct slice bytes)
{
    enum status status;
    return record_unpack_message(&postern__v1__request__descriptor, bytes, arena, &status);
}

// Reads a varint. False at the end of the bytes, or when there is none.
static bool read_varint(struct slice *s, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && i < s->size; i++) {
        value |= (uint64_t)(s->data[i] & 0x7F) << (7 * i);
        if (s->data[i] < 0x80) {
            *s = slice_make(s->data + i + 1, s->size - i - 1);
            *out = value;
            return true;
        }
    }
    return false;
}

// Takes one field's value off `s`; a length-delimited one is left in `value`.
static bool read_value(struct slice *s, unsigned wire_type, struct slice *value)
{
    uint64_t size = 0;
    *value = slice_empty();
    switch (wire_type) {
    case WIRE_VARINT:
        return read_varint(s, &size);
    case WIRE_64:
        size = 8;
        break;
    case WIRE_32:
        size = 4;
        break;
    case WIRE_BYTES:
        if (!read_varint(s, &size))
            return false;
        break;
    default:
        return false;
    }
    if (size > s->size)
        return false;
    *value = slice_make(s->data, (size_t)size);
    *s = slice_make(s->data + size, s->size - (size_t)size);
    return true;
}

bool codec_read_field(struct slice *bytes, struct codec_field *out)
{
    uint64_t key = 0;
    if (!read_varint(bytes, &key) || key >> 3 > UINT32_MAX)
        return false;
    unsigned wire_type = (unsigned)(key & 7);
    out->tag = (uint32_t)(key >> 3);
    out->is_sized = wire_type == WIRE_BYTES;
    return read_value(bytes, wire_type, &out->value);
}

struct slice codec_salvage_id(struct slice bytes)
{
    struct slice found = slice_empty();
    struct codec_field field;
    while (codec_read_field(&bytes, &field))
        if (field.tag == TAG_REQUEST_ID && field.is_sized)
            found = field.value;
    return found;
}

bool codec_has_unknown_call(const Postern__V1__Request *request)
{
    for (unsigned i = 0; i < request->base.n_unknown_fields; i++)
        if (request->base.unknown_fields[i].tag >= TAG_FIRST_CALL)
            return true;
    return false;
}

ProtobufCMessage *codec_copy(const ProtobufCMessage *message, struct arena *scratch, struct arena *to)
{
    enum status status;
    struct slice bytes;
    if (!record_pack_message(message, scratch, &bytes))
        return NULL;
    return record_unpack_message(message->descriptor, bytes, to, &status);
}
