// Unpacks into an arena, and packs most replies in one pass. protobuf-c would take two: one for the sizes of all parts
// and one to write them.
#include "rpc/codec.h"

#include <string.h>

#include "record/record.h"

enum { TAG_REQUEST_ID = 1, TAG_FIRST_CALL = 16 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static void *take(void *context, size_t size)
{
    return arena_alloc(context, size);
}

static void give_back(void *context, void *memory)
{
    // The arena gives all memory back at once.
    (void)context;
    (void)memory;
}

Postern__V1__Request *codec_decode(struct arena *arena, struct slice bytes)
{
    ProtobufCAllocator allocator = {.alloc = take, .free = give_back, .allocator_data = arena};
    return postern__v1__request__unpack(&allocator, bytes.size, bytes.data);
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
    ProtobufCAllocator allocator = {.alloc = take, .free = give_back, .allocator_data = to};
    struct slice bytes;
    if (!record_pack_message(message, scratch, &bytes))
        return NULL;
    return protobuf_c_message_unpack(message->descriptor, &allocator, bytes.size, bytes.data);
}

// --- packing from the end: a part's size stands before it, and is known when the part is written

struct packer {
    uint8_t *begin;
    uint8_t *at; // everything behind it is written
    bool failed; // no room, or a type that replies do not have
};

static void put_byte(struct packer *packer, uint8_t byte)
{
    if (packer->at == packer->begin)
        packer->failed = true;
    else
        *--packer->at = byte;
}

static void put_long_varint(struct packer *packer, uint64_t value)
{
    uint8_t bytes[10];
    unsigned count = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[count++] = (uint8_t)(value | 0x80);
    put_byte(packer, (uint8_t)value);
    while (count > 0)
        put_byte(packer, bytes[--count]);
}

static inline void put_varint(struct packer *packer, uint64_t value)
{
    if (value < 0x80)
        put_byte(packer, (uint8_t)value); // almost all
    else
        put_long_varint(packer, value);
}

static void put_bytes(struct packer *packer, const ProtobufCBinaryData *bytes)
{
    if (bytes->len > (size_t)(packer->at - packer->begin)) {
        packer->failed = true;
        return;
    }
    packer->at -= bytes->len;
    if (bytes->len > 0)
        memcpy(packer->at, bytes->data, bytes->len);
    put_varint(packer, bytes->len);
}

static void put_key(struct packer *packer, const ProtobufCFieldDescriptor *field, unsigned wire_type)
{
    put_varint(packer, (uint64_t)field->id << 3 | wire_type);
}

static void put_message(struct packer *packer, const ProtobufCMessage *message);

// Writes bytes or a message, empty or not: an element of a list, or a single field that is set.
static void put_sized(struct packer *packer, const ProtobufCFieldDescriptor *field, const void *member)
{
    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        put_bytes(packer, member);
    } else {
        const ProtobufCMessage *const *message = member;
        const uint8_t *end = packer->at;
        put_message(packer, *message);
        put_varint(packer, (uint64_t)(end - packer->at));
    }
    put_key(packer, field, WIRE_BYTES);
}

static void put_list(struct packer *packer, const ProtobufCFieldDescriptor *field, const void *list, size_t count)
{
    size_t size = field->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
    if (field->type != PROTOBUF_C_TYPE_BYTES && field->type != PROTOBUF_C_TYPE_MESSAGE)
        packer->failed = true;
    for (size_t i = count; i > 0 && !packer->failed; i--)
        put_sized(packer, field, (const uint8_t *)list + (i - 1) * size);
}

static void put_number(struct packer *packer, const ProtobufCFieldDescriptor *field, uint64_t value)
{
    if (value == 0)
        return;
    put_varint(packer, value);
    put_key(packer, field, WIRE_VARINT);
}

static void put_single(struct packer *packer, const ProtobufCFieldDescriptor *field, const void *member)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT64: {
        const uint64_t *number = member;
        put_number(packer, field, *number);
        return;
    }
    case PROTOBUF_C_TYPE_UINT32: {
        const uint32_t *number = member;
        put_number(packer, field, *number);
        return;
    }
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BOOL: {
        const int *number = member; // protobuf_c_boolean is an int
        put_number(packer, field, (uint64_t)*number);
        return;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = member;
        if (bytes->len > 0)
            put_sized(packer, field, member);
        return;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *const *message = member;
        if (*message != NULL)
            put_sized(packer, field, member);
        return;
    }
    default:
        packer->failed = true;
    }
}

static void put_field(struct packer *packer, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const uint8_t *base = (const uint8_t *)message;
    const void *member = base + field->offset;
    const void *quantifier = base + field->quantifier_offset;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        const size_t *count = quantifier;
        const void *const *list = member;
        put_list(packer, field, *list, *count);
        return;
    }
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        const uint32_t *which = quantifier;
        if (*which != field->id)
            return;
    }
    put_single(packer, field, member);
}

static void put_message(struct packer *packer, const ProtobufCMessage *message)
{
    if (message->n_unknown_fields > 0)
        packer->failed = true;
    for (unsigned i = message->descriptor->n_fields; i > 0 && !packer->failed; i--)
        put_field(packer, message, &message->descriptor->fields[i - 1]);
}

struct slice codec_pack_short(const ProtobufCMessage *message, uint8_t *buffer, size_t size)
{
    struct packer packer = {.begin = buffer, .at = buffer + size};
    put_message(&packer, message);
    return packer.failed ? slice_empty() : slice_make(packer.at, (size_t)(buffer + size - packer.at));
}
