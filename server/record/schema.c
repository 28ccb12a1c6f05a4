// Carries fields between plain structs and messages, one after the other as the rows of a schema say. Members are
// reached by their offsets: for a stored message those are in the row, for another one in protobuf-c's descriptor.
#include "record/record.h"

// Where a field is in a message.
struct place {
    size_t at;
    size_t count_at;                        // of a list
    const ProtobufCMessageDescriptor *part; // of its elements, where those are messages
};

// False when the message, which is no stored one, has no such field.
static bool find_place(const struct record_field *field, const ProtobufCMessageDescriptor *descriptor,
                       struct place *out)
{
    bool is_stored_alone = field->kind <= RECORD_OPTIONAL_ID;
    const ProtobufCFieldDescriptor *found =
        is_stored_alone ? NULL : protobuf_c_message_descriptor_get_field_by_name(descriptor, field->name);
    if (found != NULL)
        *out = (struct place){found->offset, found->quantifier_offset, found->descriptor};
    return found != NULL;
}

static struct place stored_place(const struct record_field *field)
{
    return (struct place){field->stored_at, field->stored_count_at, field->part != NULL ? field->part->stored : NULL};
}

// --- reading

static enum status read_texts(const ProtobufCBinaryData *from, size_t count, struct arena *arena, struct slice **to)
{
    struct slice *texts = *to = arena_alloc(arena, count * sizeof *texts);
    for (size_t i = 0; texts != NULL && i < count; i++)
        texts[i] = record_from_bytes(from[i]);
    return texts != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
}

static enum status read_parts(const struct record_schema *part, ProtobufCMessage *const *from, size_t count,
                              struct arena *arena, void **to)
{
    uint8_t *parts = arena_alloc(arena, count * part->size);
    enum status status = parts != NULL ? STATUS_OK : STATUS_RESOURCE_EXHAUSTED;
    *to = parts;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = record_read(part, from[i], arena, parts + i * part->size);
    return status;
}

// An empty list stays NULL.
static enum status read_list(const struct record_field *field, const void *member, size_t count, struct arena *arena,
                             uint8_t *plain)
{
    void *from;
    void *list = NULL;
    struct slice *texts = NULL;
    void *count_to = plain + field->count_at;
    if (count > field->max)
        return STATUS_DATA_LOSS;
    memcpy(&from, member, sizeof from); // a pointer, to whatever the list is of
    enum status status = field->kind == RECORD_TEXTS ? read_texts(from, count, arena, &texts)
                                                     : read_parts(field->part, from, count, arena, &list);
    if (field->kind == RECORD_TEXTS)
        list = texts;
    *(size_t *)count_to = count;
    memcpy(plain + field->at, &list, sizeof list);
    return status;
}

static inline enum status read_member(const struct record_field *field, bool is_stored, const void *member,
                                      const void *counter, struct arena *arena, uint8_t *plain)
{
    const ProtobufCBinaryData *bytes = member;
    const protobuf_c_boolean *boolean = member;
    const uint32_t *narrow = member;
    const uint64_t *wide = member;
    const size_t *count = counter;
    void *to = plain + field->at;
    void *beside = plain + field->count_at;
    bool valid = true;
    switch (field->kind) {
    case RECORD_FORMAT_NUMBER:
        valid = *narrow == RECORD_FORMAT;
        break;
    case RECORD_ID:
        valid = record_copy_exact(*bytes, field->max, to);
        break;
    case RECORD_OPTIONAL_ID:
        *(bool *)beside = bytes->len > 0;
        valid = bytes->len == 0 || record_copy_exact(*bytes, field->max, to);
        break;
    case RECORD_TEXT:
        *(struct slice *)to = record_from_bytes(*bytes);
        break;
    case RECORD_BOOL:
        *(bool *)to = *boolean != 0;
        break;
    case RECORD_OFF:
        *(bool *)to = (*boolean != 0) == is_stored;
        break;
    case RECORD_U32:
        *(uint32_t *)to = *narrow;
        break;
    case RECORD_U64:
        *(uint64_t *)to = *wide;
        break;
    case RECORD_TEXTS:
    case RECORD_PARTS:
        return *count > 0 ? read_list(field, member, *count, arena, plain) : STATUS_OK;
    }
    return valid ? STATUS_OK : STATUS_DATA_LOSS;
}

static enum status read_named(const struct record_schema *schema, const ProtobufCMessage *message, struct arena *arena,
                              uint8_t *plain)
{
    const uint8_t *base = (const uint8_t *)message;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < schema->count && status == STATUS_OK; i++) {
        struct place place;
        if (find_place(&schema->fields[i], message->descriptor, &place))
            status = read_member(&schema->fields[i], false, base + place.at, base + place.count_at, arena, plain);
    }
    return status;
}

// Every Verify reads three stored records: their way is short.
enum status record_read(const struct record_schema *schema, const ProtobufCMessage *message, struct arena *arena,
                        void *plain)
{
    const uint8_t *base = (const uint8_t *)message;
    const struct record_field *end = schema->fields + schema->count;
    memset(plain, 0, schema->size);
    if (message->descriptor != schema->stored)
        return read_named(schema, message, arena, plain);
    for (const struct record_field *field = schema->fields; field < end; field++) {
        enum status status =
            read_member(field, true, base + field->stored_at, base + field->stored_count_at, arena, plain);
        if (status != STATUS_OK)
            return status;
    }
    return schema->is_sound == NULL || schema->is_sound(plain) ? STATUS_OK : STATUS_DATA_LOSS;
}

// --- copying

static size_t size_of(enum record_field_kind kind)
{
    switch (kind) {
    case RECORD_FORMAT_NUMBER:
    case RECORD_ID: // no member of its own, or for good
    case RECORD_OPTIONAL_ID:
        return 0;
    case RECORD_TEXT:
        return sizeof(struct slice);
    case RECORD_BOOL:
    case RECORD_OFF:
        return sizeof(bool);
    case RECORD_U32:
        return sizeof(uint32_t);
    case RECORD_U64:
        return sizeof(uint64_t);
    case RECORD_TEXTS:
    case RECORD_PARTS:
        return sizeof(void *);
    }
    return 0;
}

void record_copy_field(const struct record_schema *schema, struct slice name, const void *from, void *to)
{
    const struct record_field *field = schema->fields;
    const struct record_field *end = field + schema->count;
    while (field < end && !slice_equal(name, slice_text(field->name)))
        field++;
    if (field == end)
        return;
    memcpy((uint8_t *)to + field->at, (const uint8_t *)from + field->at, size_of(field->kind));
    if (field->kind >= RECORD_TEXTS)
        memcpy((uint8_t *)to + field->count_at, (const uint8_t *)from + field->count_at, sizeof(size_t));
}

// --- writing

static void *write_texts(const struct slice *from, size_t count, struct arena *arena)
{
    ProtobufCBinaryData *texts = arena_array(arena, count, sizeof *texts);
    for (size_t i = 0; texts != NULL && i < count; i++)
        texts[i] = record_to_bytes(from[i]);
    return texts;
}

static void *write_parts(const struct record_schema *part, const uint8_t *from, size_t count,
                         const ProtobufCMessageDescriptor *descriptor, struct arena *arena)
{
    void **parts = arena_array(arena, count, sizeof *parts);
    for (size_t i = 0; parts != NULL && i < count; i++) {
        parts[i] = record_write(part, from + i * part->size, descriptor, arena);
        if (parts[i] == NULL)
            return NULL;
    }
    return parts;
}

static bool write_list(const struct record_field *field, const void *from, size_t count, const struct place *place,
                       struct arena *arena, void *member)
{
    const void *list;
    memcpy(&list, from, sizeof list);
    void *written = field->kind == RECORD_TEXTS ? write_texts(list, count, arena)
                                                : write_parts(field->part, list, count, place->part, arena);
    memcpy(member, &written, sizeof written);
    return written != NULL;
}

static bool write_field(const struct record_field *field, bool is_stored, const struct place *place,
                        const uint8_t *plain, struct arena *arena, uint8_t *message)
{
    const void *from = plain + field->at;
    const void *beside = plain + field->count_at;
    const bool *flag = field->kind == RECORD_OPTIONAL_ID ? beside : from;
    void *member = message + place->at;
    void *count = message + place->count_at;
    switch (field->kind) {
    case RECORD_FORMAT_NUMBER:
        *(uint32_t *)member = RECORD_FORMAT;
        return true;
    case RECORD_ID:
        *(ProtobufCBinaryData *)member = record_to_bytes(slice_make(from, field->max));
        return true;
    case RECORD_OPTIONAL_ID:
        *(ProtobufCBinaryData *)member = record_to_bytes(slice_make(from, *flag ? field->max : 0));
        return true;
    case RECORD_TEXT:
        *(ProtobufCBinaryData *)member = record_to_bytes(*(const struct slice *)from);
        return true;
    case RECORD_BOOL:
        *(protobuf_c_boolean *)member = *flag;
        return true;
    case RECORD_OFF:
        *(protobuf_c_boolean *)member = *flag == is_stored;
        return true;
    case RECORD_U32:
        *(uint32_t *)member = *(const uint32_t *)from;
        return true;
    case RECORD_U64:
        *(uint64_t *)member = *(const uint64_t *)from;
        return true;
    case RECORD_TEXTS:
    case RECORD_PARTS:
        *(size_t *)count = *(const size_t *)beside;
        return write_list(field, from, *(const size_t *)beside, place, arena, member);
    }
    return false;
}

void *record_write(const struct record_schema *schema, const void *plain, const ProtobufCMessageDescriptor *descriptor,
                   struct arena *arena)
{
    bool is_stored = descriptor == schema->stored;
    void *message = arena_alloc(arena, descriptor->sizeof_message);
    if (message == NULL)
        return NULL;
    protobuf_c_message_init(descriptor, message);
    for (size_t i = 0; i < schema->count; i++) {
        const struct record_field *field = &schema->fields[i];
        struct place place = stored_place(field);
        if (!is_stored && !find_place(field, descriptor, &place))
            continue;
        if (!write_field(field, is_stored, &place, plain, arena, message))
            return NULL;
    }
    return message;
}

// --- bytes

enum status record_unpack(const struct record_schema *schema, struct slice bytes, struct arena *arena, void *plain)
{
    enum status status;
    const ProtobufCMessage *message = record_unpack_message(schema->stored, bytes, arena, &status);
    return message != NULL ? record_read(schema, message, arena, plain) : status;
}

bool record_pack(const struct record_schema *schema, const void *plain, struct arena *arena, struct slice *out)
{
    const ProtobufCMessage *message = record_write(schema, plain, schema->stored, arena);
    *out = slice_empty();
    return message != NULL && record_pack_message(message, arena, out);
}
