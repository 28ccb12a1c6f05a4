// The border between the public structs and the wire messages. A table says once which member of a struct is which
// field of its message; one function for each direction goes through it.
//
// To the wire: messages borrow the caller's bytes; what holds them together comes from the arena. From the wire: public
// structs point into the unpacked message, whose text has been scrubbed and is NUL-terminated. Running out of memory is
// seen on the arena.
#ifndef POSTERN_WIRE_H
#define POSTERN_WIRE_H

#include "arena.h"
#include "postern.pb-c.h"
#include "postern/postern.h"

ProtobufCBinaryData postern_wire_text(const char *text); // NULL: empty
ProtobufCBinaryData postern_wire_bytes(const uint8_t *bytes, size_t size);
const char *postern_text_of(ProtobufCBinaryData text); // "" for none

// ------------------------------------------------------------------------------------------------------ tables

enum postern_kind {
    POSTERN_KIND_END, // of the table
    POSTERN_KIND_BOOL,
    POSTERN_KIND_32, // uint32_t, or an enum
    POSTERN_KIND_64,
    POSTERN_KIND_TEXT,
    POSTERN_KIND_CHOICE,     // a text that chooses itself in a oneof unless it is NULL; in requests alone
    POSTERN_KIND_FIXED_TEXT, // char[]
    POSTERN_KIND_BYTES,
    POSTERN_KIND_TEXTS, // this and the next two are lists
    POSTERN_KIND_ENUMS,
    POSTERN_KIND_STRUCTS,
    POSTERN_KIND_STRUCT,  // a part of its struct
    POSTERN_KIND_OPTIONAL // a pointer to a struct, or NULL
};

// A member and its field.
struct postern_row {
    uint8_t kind;   // enum postern_kind
    uint8_t choice; // which of the oneof
    uint16_t ours, wire;
    uint16_t our_count, wire_count; // of lists. Of bytes: our size. Of a choice: the oneof's case
    uint16_t size;                  // of a fixed text
    const struct postern_table *element;
};

// A public struct and its message.
struct postern_table {
    const ProtobufCMessageDescriptor *wire;
    size_t size;
    const struct postern_row *rows; // up to POSTERN_KIND_END
};

// The versions of clang-format lay out _Generic differently.
// clang-format off

// Generated types have names in CamelCase, which no macro can make; but what unpacks a message returns it.
#define WIRE_POINTER(name) postern__v1__##name##__unpack(NULL, 0, NULL)
#define WIRE_TYPE(name) __typeof__(*WIRE_POINTER(name))
// The members themselves: never evaluated, but the compiler knows their types.
#define OUR_MEMBER(name, member) (((struct postern_##name *)NULL)->member)
#define WIRE_MEMBER(name, member) (WIRE_POINTER(name)->member)
#define OUR_COUNT(name, count) \
    .our_count = _Generic(OUR_MEMBER(name, count), size_t: offsetof(struct postern_##name, count))
#define COUNTS(name, member, count) OUR_COUNT(name, count), .wire_count = offsetof(WIRE_TYPE(name), n_##member)
#define ELEMENT(item) .element = &postern_##item##_table

// A row of a kind that both sides agree about.
#define ROW_OF_KIND(name, member, field, our_kind, wire_kind, ...) \
    {.kind = (our_kind) * sizeof(char[(our_kind) == (wire_kind) ? 1 : -1]), \
     .ours = offsetof(struct postern_##name, member), .wire = offsetof(WIRE_TYPE(name), field), __VA_ARGS__}
// A row whose member and field have these types, and no others.
#define ROW_OF_TYPE(name, member, type, wire_type, number, ...) \
    ROW_OF_KIND(name, member, member, _Generic(OUR_MEMBER(name, member), type: number), \
                _Generic(WIRE_MEMBER(name, member), wire_type: number), __VA_ARGS__)

// struct postern_NAME and the message of that name, e.g. TABLE(tier, ROWS(ROW(tier, is_default), ...)). A member that
// is not there, or has another type than its field, does not compile. Rows that a request shares with what it makes are
// a macro of their own: a new field is one row for both.
#define TABLE(name, ...) \
    {&postern__v1__##name##__descriptor, sizeof(struct postern_##name), (const struct postern_row[])__VA_ARGS__}
#define ROWS(...) {__VA_ARGS__, ROW_NONE}
#define ROW_NONE {.kind = POSTERN_KIND_END}
// A text, bool, number or enum; ROW_AS where the field has another name.
#define ROW(name, member) ROW_AS(name, member, member)
#define ROW_AS(name, member, field) \
    ROW_OF_KIND(name, member, field, \
                _Generic(OUR_MEMBER(name, member), bool: POSTERN_KIND_BOOL, uint32_t: POSTERN_KIND_32, \
                         uint64_t: POSTERN_KIND_64, int64_t: POSTERN_KIND_64, const char *: POSTERN_KIND_TEXT), \
                _Generic(WIRE_MEMBER(name, field), protobuf_c_boolean: POSTERN_KIND_BOOL, uint32_t: POSTERN_KIND_32, \
                         uint64_t: POSTERN_KIND_64, int64_t: POSTERN_KIND_64, ProtobufCBinaryData: POSTERN_KIND_TEXT), \
                .size = 0)
#define ROW_FIXED_TEXT(name, member) \
    ROW_OF_TYPE(name, member, char *, ProtobufCBinaryData, POSTERN_KIND_FIXED_TEXT, \
                .size = sizeof OUR_MEMBER(name, member))
#define ROW_BYTES(name, member, length) \
    ROW_OF_TYPE(name, member, const uint8_t *, ProtobufCBinaryData, POSTERN_KIND_BYTES, OUR_COUNT(name, length))
// A text of a oneof, where it is `choice_number`.
#define ROW_CHOICE(name, oneof, member, choice_number) \
    ROW_OF_TYPE(name, member, const char *, ProtobufCBinaryData, POSTERN_KIND_CHOICE, \
                .wire_count = offsetof(WIRE_TYPE(name), oneof##_case), .choice = (choice_number))
#define ROW_TEXTS(name, member, count) \
    ROW_OF_TYPE(name, member, const char *const *, ProtobufCBinaryData *, POSTERN_KIND_TEXTS, \
                COUNTS(name, member, count))
#define ROW_ENUMS(name, member, count) \
    ROW_OF_KIND(name, member, member, _Generic(*OUR_MEMBER(name, member), uint32_t: POSTERN_KIND_ENUMS), \
                _Generic(*WIRE_MEMBER(name, member), uint32_t: POSTERN_KIND_ENUMS), COUNTS(name, member, count))
// A list of structs, one that is a part, or a pointer to one: with the name of its table.
#define ROW_STRUCTS(name, member, count, item) \
    ROW_OF_TYPE(name, member, const struct postern_##item *, WIRE_TYPE(item) **, POSTERN_KIND_STRUCTS, \
                COUNTS(name, member, count), ELEMENT(item))
#define ROW_STRUCT(name, member, item) \
    ROW_OF_TYPE(name, member, struct postern_##item, WIRE_TYPE(item) *, POSTERN_KIND_STRUCT, ELEMENT(item))
#define ROW_OPTIONAL(name, member, item) \
    ROW_OF_TYPE(name, member, const struct postern_##item *, WIRE_TYPE(item) *, POSTERN_KIND_OPTIONAL, ELEMENT(item))
// clang-format on

// What all lists that are read in pages have.
#define ROWS_PAGE(name)      ROW(name, page_size), ROW_BYTES(name, page_token, page_token_size)
#define ROWS_NEXT_PAGE(name) ROW_BYTES(name, next_page_token, next_page_token_size)

// Parts of many messages. (keys.c)
extern const struct postern_table postern_entry_table, postern_limit_table, postern_key_table;

// ------------------------------------------------------------------------------------------------------ mapper

// Makes the message of a public struct, one of the table's wire type.
// Errors: NULL when memory is out.
void *postern_wire_message(struct postern_arena *arena, const struct postern_table *table, const void *ours);
// Makes the messages of an array of them. NULL for count 0, which is no failure.
// Errors: NULL as above.
void *postern_wire_messages(struct postern_arena *arena, const struct postern_table *table, const void *ours,
                            size_t count);
// Fills in the members of a public struct that the table has, from its message; NULL counts as an empty message.
void postern_wire_read(struct postern_arena *arena, const struct postern_table *table, const ProtobufCMessage *message,
                       void *ours);
// Makes an array of public structs from an array of messages. NULL for count 0, which is no failure.
// Errors: NULL when memory is out.
const void *postern_wire_read_list(struct postern_arena *arena, const struct postern_table *table, const void *messages,
                                   size_t count);

#endif
