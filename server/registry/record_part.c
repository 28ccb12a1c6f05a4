#include "registry/record_part.h"

#include <string.h>

// --- memory of the unpacker

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

// --- parts

struct slice record_from_bytes(ProtobufCBinaryData bytes)
{
    return slice_make(bytes.data, bytes.len);
}

ProtobufCBinaryData record_to_bytes(struct slice slice)
{
    // The message type serves both directions and is therefore not const; packing only reads.
    return (ProtobufCBinaryData){.len = slice.size, .data = (uint8_t *)(uintptr_t)slice.data};
}

bool record_copy_exact(ProtobufCBinaryData from, size_t size, uint8_t *to)
{
    if (from.len != size)
        return false;
    memcpy(to, from.data, size);
    return true;
}

enum status record_read_texts(const ProtobufCBinaryData *from, size_t count, size_t count_max, struct arena *arena,
                              struct slice **to)
{
    *to = NULL;
    if (count == 0)
        return STATUS_OK;
    if (count > count_max)
        return STATUS_DATA_LOSS;
    *to = arena_alloc(arena, count * sizeof **to);
    if (*to == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++)
        (*to)[i] = record_from_bytes(from[i]);
    return STATUS_OK;
}

bool record_write_texts(const struct slice *from, size_t count, struct arena *arena, ProtobufCBinaryData **to)
{
    *to = arena_array(arena, count, sizeof **to);
    for (size_t i = 0; *to != NULL && i < count; i++)
        (*to)[i] = record_to_bytes(from[i]);
    return *to != NULL;
}

enum status record_read_entries(Postern__Records__EntryRecord *const *from, size_t count, struct arena *arena,
                                struct registry_entry **to)
{
    *to = NULL;
    if (count == 0)
        return STATUS_OK;
    if (count > REGISTRY_METADATA_MAX)
        return STATUS_DATA_LOSS;
    *to = arena_alloc(arena, count * sizeof **to);
    if (*to == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++)
        (*to)[i] =
            (struct registry_entry){.key = record_from_bytes(from[i]->key), .value = record_from_bytes(from[i]->value)};
    return STATUS_OK;
}

bool record_write_entries(const struct registry_entry *from, size_t count, struct arena *arena,
                          Postern__Records__EntryRecord ***to)
{
    Postern__Records__EntryRecord *records = arena_array(arena, count, sizeof *records);
    *to = arena_array(arena, count, sizeof **to);
    if (records == NULL || *to == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        postern__records__entry_record__init(&records[i]);
        records[i].key = record_to_bytes(from[i].key);
        records[i].value = record_to_bytes(from[i].value);
        (*to)[i] = &records[i];
    }
    return true;
}

static bool read_limit(const Postern__Records__LimitRecord *from, struct limit *to)
{
    *to = (struct limit){.resource = record_from_bytes(from->resource),
                         .algorithm = (enum limit_algorithm)from->algorithm,
                         .amount = from->amount,
                         .window_s = from->window_s,
                         .period = (enum limit_period)from->period,
                         .burst = from->burst,
                         .unlimited = from->unlimited != 0};
    uint32_t lowest = to->unlimited ? 0 : LIMIT_FIXED_WINDOW;
    return from->algorithm >= lowest && from->algorithm <= LIMIT_TOKEN_BUCKET && from->period <= LIMIT_MONTH;
}

enum status record_read_limits(Postern__Records__LimitRecord *const *from, size_t count, struct arena *arena,
                               struct limit **to)
{
    *to = NULL;
    if (count == 0)
        return STATUS_OK;
    if (count > LIMIT_PER_OWNER_MAX)
        return STATUS_DATA_LOSS;
    *to = arena_alloc(arena, count * sizeof **to);
    if (*to == NULL)
        return STATUS_RESOURCE_EXHAUSTED;
    for (size_t i = 0; i < count; i++)
        if (!read_limit(from[i], &(*to)[i]))
            return STATUS_DATA_LOSS;
    return STATUS_OK;
}

bool record_write_limits(const struct limit *from, size_t count, struct arena *arena,
                         Postern__Records__LimitRecord ***to)
{
    Postern__Records__LimitRecord *records = arena_array(arena, count, sizeof *records);
    *to = arena_array(arena, count, sizeof **to);
    if (records == NULL || *to == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        postern__records__limit_record__init(&records[i]);
        records[i].resource = record_to_bytes(from[i].resource);
        records[i].algorithm = (uint32_t)from[i].algorithm;
        records[i].amount = from[i].amount;
        records[i].window_s = from[i].window_s;
        records[i].period = (uint32_t)from[i].period;
        records[i].burst = from[i].burst;
        records[i].unlimited = from[i].unlimited;
        (*to)[i] = &records[i];
    }
    return true;
}
