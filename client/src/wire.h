// The two ways over the border between the public structs and the wire messages.
//
// To the wire: messages borrow the caller's bytes; arrays of them come from the arena. From the wire: public structs
// point into the unpacked message, whose text has been scrubbed and is NUL-terminated. Running out of memory is seen on
// the arena.
#ifndef POSTERN_WIRE_H
#define POSTERN_WIRE_H

#include "arena.h"
#include "postern.pb-c.h"
#include "postern/postern.h"

ProtobufCBinaryData postern_wire_text(const char *text); // NULL: empty
ProtobufCBinaryData postern_wire_bytes(const uint8_t *bytes, size_t size);
ProtobufCBinaryData *postern_wire_texts(struct postern_arena *arena, const char *const *texts, size_t count);
Postern__V1__Entry **postern_wire_entries(struct postern_arena *arena, const struct postern_entry *entries,
                                          size_t count);
Postern__V1__Charge **postern_wire_charges(struct postern_arena *arena, const struct postern_charge *charges,
                                           size_t count);
Postern__V1__Limit **postern_wire_limits(struct postern_arena *arena, const struct postern_limit *limits, size_t count);

void postern_wire_create(struct postern_arena *arena, const struct postern_create_request *request,
                         Postern__V1__CreateRequest *wire);

const char *postern_text_of(ProtobufCBinaryData text); // "" for none
const char *const *postern_texts_of(struct postern_arena *arena, const ProtobufCBinaryData *texts, size_t count);
const struct postern_entry *postern_entries_of(struct postern_arena *arena, Postern__V1__Entry *const *entries,
                                               size_t count);
const struct postern_limit *postern_limits_of(struct postern_arena *arena, Postern__V1__Limit *const *limits,
                                              size_t count);
const struct postern_counter *postern_counters_of(struct postern_arena *arena, Postern__V1__Counter *const *counters,
                                                  size_t count);
const struct postern_meter *postern_meters_of(struct postern_arena *arena, Postern__V1__Meter *const *meters,
                                              size_t count);
void postern_key_of(struct postern_arena *arena, const Postern__V1__Key *wire, struct postern_key *key);
const struct postern_key *postern_keys_of(struct postern_arena *arena, Postern__V1__Key *const *wire, size_t count);

// Makes every text of an unpacked message valid text: bytes that are not UTF-8 and control characters become '?'.
void postern_scrub(ProtobufCMessage *message);
// Is this field bytes, not text? Both look the same in the descriptor, because text is `string_as_bytes`.
bool postern_field_is_bytes(const ProtobufCFieldDescriptor *field);

#endif
