// Some things have to be done to every field of every message: naming enum values, making text valid, showing a whole
// reply to a visitor. protobuf-c's descriptors know all fields, so one walk over them does it for all messages.
#include "reply.h"
#include "text.h"
#include "wire.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------------- words

// "KeyState" has values "KEY_STATE_ACTIVE": skips what is the enum's own name in upper case.
static const char *without_prefix(const char *value, const char *enum_name)
{
    const char *at = value;
    for (const char *c = enum_name; *c != '\0'; c++) {
        if (c != enum_name && isupper((unsigned char)*c) && *at++ != '_')
            return value;
        if (*at++ != toupper((unsigned char)*c))
            return value;
    }
    return *at == '_' ? at + 1 : value;
}

static const char *enum_word(const ProtobufCEnumDescriptor *words, int value)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(words, value);
    return found != NULL ? without_prefix(found->name, words->short_name) : NULL;
}

static const char *name_of(const ProtobufCEnumDescriptor *words, int value)
{
    const char *word = enum_word(words, value);
    return word != NULL ? word : "UNKNOWN";
}

const char *postern_reason_name(enum postern_reason reason)
{
    return name_of(&postern__v1__reason__descriptor, (int)reason);
}

const char *postern_environment_name(enum postern_environment environment)
{
    return name_of(&postern__v1__environment__descriptor, (int)environment);
}

const char *postern_key_type_name(enum postern_key_type type)
{
    return name_of(&postern__v1__key_type__descriptor, (int)type);
}

const char *postern_key_state_name(enum postern_key_state state)
{
    return name_of(&postern__v1__key_state__descriptor, (int)state);
}

const char *postern_period_name(enum postern_period period)
{
    return name_of(&postern__v1__period__descriptor, (int)period);
}

const char *postern_subject_name(enum postern_subject subject)
{
    return name_of(&postern__v1__subject__descriptor, (int)subject);
}

const char *postern_unusual_name(enum postern_unusual unusual)
{
    return name_of(&postern__v1__unusual__descriptor, (int)unusual);
}

const char *postern_status_name(enum postern_status status)
{
    static const char *const names[] = {
        [POSTERN_OK] = "OK",
        [POSTERN_CANCELLED] = "CANCELLED",
        [POSTERN_UNKNOWN] = "UNKNOWN",
        [POSTERN_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
        [POSTERN_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
        [POSTERN_NOT_FOUND] = "NOT_FOUND",
        [POSTERN_ALREADY_EXISTS] = "ALREADY_EXISTS",
        [POSTERN_PERMISSION_DENIED] = "PERMISSION_DENIED",
        [POSTERN_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
        [POSTERN_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
        [POSTERN_ABORTED] = "ABORTED",
        [POSTERN_OUT_OF_RANGE] = "OUT_OF_RANGE",
        [POSTERN_UNIMPLEMENTED] = "UNIMPLEMENTED",
        [POSTERN_INTERNAL] = "INTERNAL",
        [POSTERN_UNAVAILABLE] = "UNAVAILABLE",
        [POSTERN_DATA_LOSS] = "DATA_LOSS",
        [POSTERN_UNAUTHENTICATED] = "UNAUTHENTICATED",
    };
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "UNKNOWN";
}

// ------------------------------------------------------------------------------------------------------ fields

// Text and bytes have the same type in descriptors (all text is `string_as_bytes`), so the few bytes are named here;
// tests/lint/client_header.bats compares with the protocol.
static const char *const bytes_fields[] = {"request_id", "next_page_token"};

static bool is_bytes(const ProtobufCFieldDescriptor *field)
{
    for (size_t i = 0; i < sizeof bytes_fields / sizeof bytes_fields[0]; i++)
        if (strcmp(field->name, bytes_fields[i]) == 0)
            return true;
    return false;
}

static const unsigned char *member(const ProtobufCMessage *message, unsigned offset)
{
    return (const unsigned char *)message + offset;
}

// Knows the types that the protocol has.
static size_t size_of(ProtobufCType type)
{
    static const size_t sizes[] = {[PROTOBUF_C_TYPE_UINT64] = sizeof(uint64_t),
                                   [PROTOBUF_C_TYPE_INT64] = sizeof(int64_t),
                                   [PROTOBUF_C_TYPE_BYTES] = sizeof(ProtobufCBinaryData),
                                   [PROTOBUF_C_TYPE_MESSAGE] = sizeof(ProtobufCMessage *),
                                   [PROTOBUF_C_TYPE_BOOL] = sizeof(protobuf_c_boolean),
                                   [PROTOBUF_C_TYPE_UINT32] = sizeof(uint32_t),
                                   [PROTOBUF_C_TYPE_INT32] = sizeof(int32_t),
                                   [PROTOBUF_C_TYPE_ENUM] = sizeof(uint32_t)};
    return type < sizeof sizes / sizeof sizes[0] ? sizes[type] : 0;
}

// The values of one field: one, or those of the list. A oneof's member that is not chosen has none.
struct values {
    const unsigned char *first;
    size_t count;
};

static struct values values_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const unsigned char *at = member(message, field->offset);
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        struct values list;
        memcpy(&list.count, member(message, field->quantifier_offset), sizeof list.count);
        memcpy(&list.first, at, sizeof list.first);
        return list;
    }
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        uint32_t chosen;
        memcpy(&chosen, member(message, field->quantifier_offset), sizeof chosen);
        return (struct values){.first = at, .count = chosen == field->id};
    }
    return (struct values){.first = at, .count = 1};
}

// ------------------------------------------------------------------------------------------------------ scrub

static void scrub_value(const ProtobufCFieldDescriptor *field, const unsigned char *value)
{
    if (field->type == PROTOBUF_C_TYPE_BYTES && !is_bytes(field)) {
        ProtobufCBinaryData text;
        memcpy(&text, value, sizeof text);
        postern_text_scrub(text.data, text.len);
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        ProtobufCMessage *inner;
        memcpy(&inner, value, sizeof inner);
        if (inner != NULL)
            postern_scrub(inner);
    }
}

void postern_scrub(ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        struct values values = values_of(message, field);
        for (size_t n = 0; n < values.count; n++)
            scrub_value(field, values.first + n * size_of(field->type));
    }
}

// ------------------------------------------------------------------------------------------------------- walk

static void walk_message(const ProtobufCMessage *message, const char *name, const struct postern_visitor *visitor);

static void walk_enum(const ProtobufCEnumDescriptor *words, int value, const char *name,
                      const struct postern_visitor *visitor)
{
    const char *word = enum_word(words, value);
    if (word != NULL)
        visitor->text(visitor->context, name, word);
    else
        visitor->integer(visitor->context, name, value);
}

static void walk_bytes(ProtobufCBinaryData bytes, const char *name, const struct postern_visitor *visitor)
{
    char *text = malloc(postern_base64_size(bytes.len));
    if (text == NULL) {
        visitor->absent(visitor->context, name);
        return;
    }
    postern_base64(bytes.data, bytes.len, text);
    visitor->text(visitor->context, name, text);
    free(text);
}

static void walk_unsigned(uint64_t value, const char *name, const struct postern_visitor *visitor)
{
    visitor->integer(visitor->context, name, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

// The protocol's types only: text, bytes, messages, enums, booleans and unsigned or signed varints.
static void walk_value(const ProtobufCFieldDescriptor *field, const unsigned char *value, const char *name,
                       const struct postern_visitor *visitor)
{
    union {
        ProtobufCBinaryData bytes;
        const ProtobufCMessage *message;
        uint64_t u64;
        int64_t i64;
        uint32_t u32;
        int32_t i32;
        protobuf_c_boolean boolean;
    } v;
    memcpy(&v, value, size_of(field->type));
    if (field->type == PROTOBUF_C_TYPE_BYTES && is_bytes(field))
        walk_bytes(v.bytes, name, visitor);
    else if (field->type == PROTOBUF_C_TYPE_BYTES)
        visitor->text(visitor->context, name, postern_text_of(v.bytes));
    else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        walk_message(v.message, name, visitor);
    else if (field->type == PROTOBUF_C_TYPE_ENUM)
        walk_enum(field->descriptor, v.i32, name, visitor);
    else if (field->type == PROTOBUF_C_TYPE_BOOL)
        visitor->boolean(visitor->context, name, v.boolean != 0);
    else if (field->type == PROTOBUF_C_TYPE_UINT64)
        walk_unsigned(v.u64, name, visitor);
    else if (field->type == PROTOBUF_C_TYPE_UINT32)
        walk_unsigned(v.u32, name, visitor);
    else if (field->type == PROTOBUF_C_TYPE_INT64)
        visitor->integer(visitor->context, name, v.i64);
    else
        visitor->integer(visitor->context, name, v.i32);
}

static void walk_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                       const struct postern_visitor *visitor)
{
    struct values values = values_of(message, field);
    bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
    if (is_list)
        visitor->list_begin(visitor->context, field->name);
    for (size_t i = 0; i < values.count; i++)
        walk_value(field, values.first + i * size_of(field->type), is_list ? NULL : field->name, visitor);
    if (is_list)
        visitor->list_end(visitor->context);
}

static void walk_message(const ProtobufCMessage *message, const char *name, const struct postern_visitor *visitor)
{
    if (message == NULL) {
        visitor->absent(visitor->context, name);
        return;
    }
    visitor->object_begin(visitor->context, name);
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        walk_field(message, &message->descriptor->fields[i], visitor);
    visitor->object_end(visitor->context);
}

void postern_reply_walk(const void *reply, const struct postern_visitor *visitor)
{
    const struct postern_reply_base *base = reply;
    walk_message(base->box->result, NULL, visitor);
}
