// The schema of a record: a description of a plain struct's fields, by which messages are read and written. Part of
// record/record.h, which other rooms include.
//
// A row says where its field is in the plain struct and in the stored message, so that reading a record looks nothing
// up. In every other message (the wire's) the field has the same name; what such a message lacks is left alone.
// Threads: everything here is pure.
#ifndef RECORD_SCHEMA_H
#define RECORD_SCHEMA_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#include <protobuf-c/protobuf-c.h>

// What a field is in the plain struct.
enum record_field_kind {
    RECORD_FORMAT_NUMBER, // nothing there: the stored message says RECORD_FORMAT
    RECORD_ID,            // a fixed number of bytes; in stored messages alone
    RECORD_OPTIONAL_ID,   // the same or none, as a bool says
    RECORD_TEXT,          // struct slice
    RECORD_BOOL,          // bool
    RECORD_OFF,           // bool, whose name says the opposite everywhere but in the stored message
    RECORD_U32,           // uint32_t, or an enum
    RECORD_U64,           // uint64_t
    RECORD_TEXTS,         // struct slice *, and a size_t
    RECORD_PARTS          // plain structs of another schema, and a size_t
};

struct record_field {
    const char *name;
    enum record_field_kind kind;
    uint16_t at;                      // in the plain struct
    uint16_t count_at;                // there too: the size_t of a list, the bool of an optional id
    uint16_t stored_at;               // in the stored message
    uint16_t stored_count_at;         // there too, of a list
    uint16_t max;                     // elements of a stored list; bytes of an id
    const struct record_schema *part; // RECORD_PARTS
    const char *const *words;         // what people read instead of a number; NULL: the number
};

struct record_schema {
    const struct record_field *fields;
    uint16_t count;
    uint16_t size; // of the plain struct
    const ProtobufCMessageDescriptor *stored;
    bool (*is_sound)(const void *plain); // does what was stored keep the bounds that the daemon relies on? NULL: any
};

// Fills all of `plain`: with zeros what the message does not have. It points into the message and the arena.
// Errors:
//   DATA_LOSS           a stored message breaks a bound
//   RESOURCE_EXHAUSTED  the arena is out
STATUS_MUST_CHECK enum status record_read(const struct record_schema *schema, const ProtobufCMessage *message,
                                          struct arena *arena, void *plain);
// Copies the field of that name, if there is one, from one plain struct to another, which then points where the first
// one does.
void record_copy_field(const struct record_schema *schema, struct slice name, const void *from, void *to);
// A message in the arena, which points into it and `plain`; NULL when the arena is out.
void *record_write(const struct record_schema *schema, const void *plain, const ProtobufCMessageDescriptor *descriptor,
                   struct arena *arena);

// The same with a stored message's bytes.
// Errors: as record_unpack_message and record_read.
STATUS_MUST_CHECK enum status record_unpack(const struct record_schema *schema, struct slice bytes, struct arena *arena,
                                            void *plain);
// False when the arena is out.
bool record_pack(const struct record_schema *schema, const void *plain, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));

#endif
