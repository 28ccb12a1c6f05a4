// Packs and unpacks stored messages by protobuf-c, with memory of an arena, or of a small buffer where there is none.
#include "record/record.h"

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
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &memory.allocator, bytes.size, bytes.data);
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
