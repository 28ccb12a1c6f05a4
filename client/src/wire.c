// The calls have some hundred fields, which would be copied by hand, each a chance for a mistake. Instead the tables
// (wire.h) say where a member and its field are and of which kind; row_to_wire and row_from_wire know how to copy each
// kind, and everything else goes through the rows.
#include "wire.h"

#include "error.h"

#include <string.h>

// protobuf-c has one struct for bytes that it reads and bytes that it writes; what we send it only reads.
static uint8_t *borrow(const void *bytes)
{
    union {
        const void *constant;
        uint8_t *bytes;
    } same = {.constant = bytes};
    return same.bytes;
}

ProtobufCBinaryData postern_wire_bytes(const uint8_t *bytes, size_t size)
{
    return (ProtobufCBinaryData){.data = borrow(bytes), .len = bytes != NULL ? size : 0};
}

ProtobufCBinaryData postern_wire_text(const char *text)
{
    return (ProtobufCBinaryData){.data = borrow(text), .len = text != NULL ? strlen(text) : 0};
}

const char *postern_text_of(ProtobufCBinaryData text)
{
    return text.len > 0 ? (const char *)text.data : "";
}

// ----------------------------------------------------------------------------------------------------- members

static const void *at(const void *base, size_t offset)
{
    return (const unsigned char *)base + offset;
}

static void *place(void *base, size_t offset)
{
    return (unsigned char *)base + offset;
}

// Pointers to all kinds of things: copied, because the compiler takes those to different types for different things.
static const void *pointer_at(const void *member)
{
    const void *pointer;
    memcpy(&pointer, member, sizeof pointer);
    return pointer;
}

static void set_pointer(void *member, const void *pointer)
{
    memcpy(member, &pointer, sizeof pointer);
}

// Enums have the same numbers on both sides.
static const void *copy_enums(struct postern_arena *arena, const void *enums, size_t count)
{
    uint32_t *copy = postern_arena_array(arena, count, sizeof *copy);
    if (copy != NULL)
        memcpy(copy, enums, count * sizeof *copy);
    return copy;
}

// ------------------------------------------------------------------------------------------------- to the wire

static ProtobufCBinaryData *texts_to_wire(struct postern_arena *arena, const char *const *texts, size_t count)
{
    ProtobufCBinaryData *wire = postern_arena_array(arena, count, sizeof *wire);
    for (size_t i = 0; wire != NULL && i < count; i++)
        wire[i] = postern_wire_text(texts[i]);
    return wire;
}

static const void *list_to_wire(struct postern_arena *arena, const struct postern_row *row, const void *list,
                                size_t count)
{
    if (row->kind == POSTERN_KIND_TEXTS)
        return texts_to_wire(arena, list, count);
    if (row->kind == POSTERN_KIND_ENUMS)
        return copy_enums(arena, list, count);
    return postern_wire_messages(arena, row->element, list, count);
}

// Members of a oneof share their place in the message: only what is set writes to it.
static void row_to_wire(struct postern_arena *arena, const struct postern_row *row, const void *ours, void *wire)
{
    const void *from = at(ours, row->ours);
    void *to = place(wire, row->wire);
    switch ((enum postern_kind)row->kind) {
    case POSTERN_KIND_END:
        return;
    case POSTERN_KIND_BOOL:
        *(protobuf_c_boolean *)to = *(const bool *)from;
        return;
    case POSTERN_KIND_32:
        memcpy(to, from, sizeof(uint32_t));
        return;
    case POSTERN_KIND_64:
        memcpy(to, from, sizeof(uint64_t));
        return;
    case POSTERN_KIND_CHOICE:
        if (pointer_at(from) == NULL)
            return;
        *(uint32_t *)place(wire, row->wire_count) = row->choice;
        *(ProtobufCBinaryData *)to = postern_wire_text(pointer_at(from));
        return;
    case POSTERN_KIND_TEXT:
        *(ProtobufCBinaryData *)to = postern_wire_text(pointer_at(from));
        return;
    case POSTERN_KIND_FIXED_TEXT:
        *(ProtobufCBinaryData *)to = postern_wire_bytes(from, strnlen(from, row->size));
        return;
    case POSTERN_KIND_BYTES:
        *(ProtobufCBinaryData *)to = postern_wire_bytes(pointer_at(from), *(const size_t *)at(ours, row->our_count));
        return;
    case POSTERN_KIND_TEXTS:
    case POSTERN_KIND_ENUMS:
    case POSTERN_KIND_STRUCTS: {
        size_t count = *(const size_t *)at(ours, row->our_count);
        const void *list = list_to_wire(arena, row, pointer_at(from), count);
        set_pointer(to, list);
        *(size_t *)place(wire, row->wire_count) = list != NULL ? count : 0;
        return;
    }
    case POSTERN_KIND_STRUCT:
        set_pointer(to, postern_wire_message(arena, row->element, from));
        return;
    case POSTERN_KIND_OPTIONAL:
        if (pointer_at(from) != NULL)
            set_pointer(to, postern_wire_message(arena, row->element, pointer_at(from)));
        return;
    }
}

static void fill_message(struct postern_arena *arena, const struct postern_table *table, const void *ours,
                         ProtobufCMessage *message)
{
    protobuf_c_message_init(table->wire, message);
    for (const struct postern_row *row = table->rows; row->kind != POSTERN_KIND_END; row++)
        row_to_wire(arena, row, ours, message);
}

void *postern_wire_message(struct postern_arena *arena, const struct postern_table *table, const void *ours)
{
    ProtobufCMessage *message = postern_arena_take(arena, table->wire->sizeof_message);
    if (message != NULL)
        fill_message(arena, table, ours, message);
    return message;
}

void *postern_wire_messages(struct postern_arena *arena, const struct postern_table *table, const void *ours,
                            size_t count)
{
    const size_t size = table->wire->sizeof_message;
    ProtobufCMessage **list = postern_arena_array(arena, count, sizeof *list);
    void *messages = postern_arena_array(arena, count, size);
    for (size_t i = 0; list != NULL && messages != NULL && i < count; i++) {
        list[i] = place(messages, i * size);
        fill_message(arena, table, at(ours, i * table->size), list[i]);
    }
    return messages != NULL ? list : NULL;
}

// ----------------------------------------------------------------------------------------------- from the wire

static const char *const *texts_from_wire(struct postern_arena *arena, const ProtobufCBinaryData *texts, size_t count)
{
    const char **out = postern_arena_array(arena, count, sizeof *out);
    for (size_t i = 0; out != NULL && i < count; i++)
        out[i] = postern_text_of(texts[i]);
    return out;
}

const void *postern_wire_read_list(struct postern_arena *arena, const struct postern_table *table, const void *messages,
                                   size_t count)
{
    void *list = postern_arena_array(arena, count, table->size);
    for (size_t i = 0; list != NULL && i < count; i++)
        postern_wire_read(arena, table, pointer_at(at(messages, i * sizeof(ProtobufCMessage *))),
                          place(list, i * table->size));
    return list;
}

static const void *list_from_wire(struct postern_arena *arena, const struct postern_row *row, const void *list,
                                  size_t count)
{
    if (row->kind == POSTERN_KIND_TEXTS)
        return texts_from_wire(arena, list, count);
    if (row->kind == POSTERN_KIND_ENUMS)
        return copy_enums(arena, list, count);
    return postern_wire_read_list(arena, row->element, list, count);
}

static void row_from_wire(struct postern_arena *arena, const struct postern_row *row, const void *wire, void *ours)
{
    const void *from = at(wire, row->wire);
    void *to = place(ours, row->ours);
    switch ((enum postern_kind)row->kind) {
    case POSTERN_KIND_END:
    case POSTERN_KIND_CHOICE: // replies have none
        return;
    case POSTERN_KIND_BOOL:
        *(bool *)to = *(const protobuf_c_boolean *)from != 0;
        return;
    case POSTERN_KIND_32:
        memcpy(to, from, sizeof(uint32_t));
        return;
    case POSTERN_KIND_64:
        memcpy(to, from, sizeof(uint64_t));
        return;
    case POSTERN_KIND_TEXT:
        set_pointer(to, postern_text_of(*(const ProtobufCBinaryData *)from));
        return;
    case POSTERN_KIND_FIXED_TEXT:
        postern_copy_text(to, row->size, postern_text_of(*(const ProtobufCBinaryData *)from));
        return;
    case POSTERN_KIND_BYTES:
        set_pointer(to, ((const ProtobufCBinaryData *)from)->data);
        *(size_t *)place(ours, row->our_count) = ((const ProtobufCBinaryData *)from)->len;
        return;
    case POSTERN_KIND_TEXTS:
    case POSTERN_KIND_ENUMS:
    case POSTERN_KIND_STRUCTS: {
        size_t count = *(const size_t *)at(wire, row->wire_count);
        set_pointer(to, list_from_wire(arena, row, pointer_at(from), count));
        *(size_t *)place(ours, row->our_count) = count;
        return;
    }
    case POSTERN_KIND_STRUCT:
        postern_wire_read(arena, row->element, pointer_at(from), to);
        return;
    case POSTERN_KIND_OPTIONAL:
        set_pointer(to, pointer_at(from) != NULL ? postern_wire_read_list(arena, row->element, from, 1) : NULL);
        return;
    }
}

void postern_wire_read(struct postern_arena *arena, const struct postern_table *table, const ProtobufCMessage *message,
                       void *ours)
{
    if (message == NULL)
        message = postern_arena_take(arena, table->wire->sizeof_message);
    if (message == NULL)
        return;
    for (const struct postern_row *row = table->rows; row->kind != POSTERN_KIND_END; row++)
        row_from_wire(arena, row, message, ours);
}
