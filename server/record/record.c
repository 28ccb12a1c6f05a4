// Unpacking has two ways. The quick one reads what record_pack_message has written, without protobuf-c's two passes and
// its piece of memory for every field: three records are read for each Verify. It takes only that exact shape: fields
// in ascending order, known ones, of the types that stored messages have. Everything else goes the other way, through
// protobuf-c, which knows the whole format and what is damaged.
#include "record/record.h"

// --- what we have written ourselves

enum { WIRE_VARINT = 0, WIRE_BYTES = 2, TAG_SHIFT = 3, WIRE_MASK = 7 };

static bool take_long_varint(struct slice *from, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && i < from->size; i++) {
        uint8_t byte = from->data[i];
        if (i == 9 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *from = slice_make(from->data + i + 1, from->size - i - 1);
            *out = value;
            return true;
        }
    }
    return false;
}

static inline bool take_varint(struct slice *from, uint64_t *out)
{
    if (from->size == 0 || from->data[0] >= 0x80)
        return take_long_varint(from, out);
    *out = from->data[0]; // almost all have one byte
    from->data++;
    from->size--;
    return true;
}

static bool take_bytes(struct slice *from, struct slice *out)
{
    uint64_t size = 0;
    if (!take_varint(from, &size) || size > from->size)
        return false;
    *out = slice_make(from->data, (size_t)size);
    *from = slice_make(from->data + size, from->size - (size_t)size);
    return true;
}

static ProtobufCMessage *read_message(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                                      struct arena *arena);

static bool read_number(ProtobufCType type, uint64_t value, void *member)
{
    uint64_t *wide = member;
    uint32_t *narrow = member;
    protobuf_c_boolean *boolean = member;
    if (type == PROTOBUF_C_TYPE_UINT64)
        *wide = value;
    else if (type == PROTOBUF_C_TYPE_UINT32)
        *narrow = (uint32_t)value;
    else
        *boolean = value != 0;
    return type != PROTOBUF_C_TYPE_UINT32 || value <= UINT32_MAX;
}

static bool is_number(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_UINT32 || field->type == PROTOBUF_C_TYPE_UINT64 ||
           field->type == PROTOBUF_C_TYPE_BOOL;
}

static bool is_sized(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_BYTES || field->type == PROTOBUF_C_TYPE_MESSAGE;
}

// The value of bytes or of a message.
static bool read_sized(const ProtobufCFieldDescriptor *field, struct slice *from, struct arena *arena, void *member)
{
    struct slice part;
    if (!take_bytes(from, &part))
        return false;
    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        ProtobufCBinaryData *bytes = member;
        *bytes = record_to_bytes(part);
        return true;
    }
    ProtobufCMessage **message = member;
    *message = read_message(field->descriptor, part, arena);
    return *message != NULL;
}

// How many elements follow one another; `from` is behind the first one's key.
static size_t count_elements(const ProtobufCFieldDescriptor *field, struct slice from)
{
    const uint64_t own_key = (uint64_t)field->id << TAG_SHIFT | WIRE_BYTES;
    uint64_t key = own_key;
    struct slice part;
    size_t count = 0;
    while (key == own_key && take_bytes(&from, &part)) {
        count++;
        if (!take_varint(&from, &key))
            break;
    }
    return count;
}

static bool read_list(const ProtobufCFieldDescriptor *field, struct slice *from, struct arena *arena, size_t *count,
                      void *member)
{
    size_t total = count_elements(field, *from);
    size_t size = field->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
    uint8_t *elements = arena_array(arena, total, size);
    void **list = member;
    uint64_t key;
    *list = elements;
    *count = total;
    for (size_t i = 0; i < total; i++) {
        bool at_value = i == 0 || take_varint(from, &key);
        if (elements == NULL || !at_value || !read_sized(field, from, arena, elements + i * size))
            return false;
    }
    return total > 0;
}

static bool read_field(const ProtobufCFieldDescriptor *field, unsigned wire_type, struct slice *from,
                       struct arena *arena, ProtobufCMessage *message)
{
    uint8_t *base = (uint8_t *)message;
    void *member = base + field->offset;
    void *quantifier = base + field->quantifier_offset;
    uint64_t value = 0;
    if (wire_type == WIRE_BYTES && is_sized(field) && field->label == PROTOBUF_C_LABEL_REPEATED)
        return read_list(field, from, arena, quantifier, member);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        uint32_t *which = quantifier;
        if (*which != 0)
            return false;
        *which = field->id;
    }
    if (wire_type == WIRE_BYTES && is_sized(field))
        return read_sized(field, from, arena, member);
    return wire_type == WIRE_VARINT && is_number(field) && field->label != PROTOBUF_C_LABEL_REPEATED &&
           take_varint(from, &value) && read_number(field->type, value, member);
}

// NULL: not that shape, or the arena is out. Descriptors have their fields in ascending order, too.
static ProtobufCMessage *read_message(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                                      struct arena *arena)
{
    ProtobufCMessage *message = arena_alloc(arena, descriptor->sizeof_message);
    if (message == NULL)
        return NULL;
    protobuf_c_message_init(descriptor, message);
    unsigned next = 0;
    while (bytes.size > 0) {
        uint64_t key;
        if (!take_varint(&bytes, &key))
            return NULL;
        while (next < descriptor->n_fields && descriptor->fields[next].id != key >> TAG_SHIFT)
            next++;
        if (next == descriptor->n_fields ||
            !read_field(&descriptor->fields[next++], (unsigned)(key & WIRE_MASK), &bytes, arena, message))
            return NULL;
    }
    return message;
}

// What comes out points into a copy of the bytes.
ProtobufCMessage *record_unpack_own(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                                    struct arena *arena)
{
    struct slice copy;
    return arena_copy(arena, bytes, &copy) ? read_message(descriptor, copy, arena) : NULL;
}

// --- protobuf-c, with memory of ours

// Unpacking takes its memory from an arena, or from a small buffer where there is none.
struct memory {
    ProtobufCAllocator allocator;
    struct arena *arena;
    uint8_t *buffer;
    size_t left;
    bool out; // a NULL was handed out: tells "no memory" from "does not decode"
};

static void *take_arena(void *context, size_t size)
{
    struct memory *memory = context;
    void *taken = arena_alloc(memory->arena, size);
    memory->out |= taken == NULL;
    return taken;
}

static void *take_buffer(void *context, size_t size)
{
    enum { ALIGNMENT = 16 };
    struct memory *memory = context;
    if (size > memory->left) {
        memory->out = true;
        return NULL;
    }
    void *taken = memory->buffer;
    size_t step = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    step = step < memory->left ? step : memory->left;
    memory->buffer += step;
    memory->left -= step;
    return taken;
}

static void give_nothing(void *context, void *pointer)
{
    (void)context;
    (void)pointer;
}

void *record_unpack_message(const ProtobufCMessageDescriptor *descriptor, struct slice bytes, struct arena *arena,
                            enum status *status)
{
    struct memory memory = {.allocator = {.alloc = take_arena, .free = give_nothing}, .arena = arena};
    memory.allocator.allocator_data = &memory;
    ProtobufCMessage *message = record_unpack_own(descriptor, bytes, arena);
    if (message == NULL)
        message = protobuf_c_message_unpack(descriptor, &memory.allocator, bytes.size, bytes.data);
    *status = message != NULL ? STATUS_OK : memory.out ? STATUS_RESOURCE_EXHAUSTED : STATUS_DATA_LOSS;
    return message;
}

void *record_unpack_small(const ProtobufCMessageDescriptor *descriptor, struct slice bytes, uint8_t *buffer,
                          size_t size)
{
    struct memory memory = {.allocator = {.alloc = take_buffer, .free = give_nothing}, .buffer = buffer, .left = size};
    memory.allocator.allocator_data = &memory;
    return protobuf_c_message_unpack(descriptor, &memory.allocator, bytes.size, bytes.data);
}

bool record_pack_message(const ProtobufCMessage *message, struct arena *arena, struct slice *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(arena, size);
    *out = slice_empty();
    if (bytes == NULL)
        return false;
    *out = slice_make(bytes, protobuf_c_message_pack(message, bytes));
    return true;
}
