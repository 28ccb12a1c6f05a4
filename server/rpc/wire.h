// Room-private: plain structs to wire messages and back.
//
// What is made points into the plain structs and into arena memory; NULL or false means that the arena is out.
#ifndef RPC_WIRE_H
#define RPC_WIRE_H

#include "authorizer/authorizer.h"
#include "postern.pb-c.h"
#include "record/record.h"
#include "registry/registry.h"

static inline ProtobufCBinaryData wire_text(struct slice s)
{
    return record_to_bytes(s);
}

static inline struct slice wire_slice(ProtobufCBinaryData bytes)
{
    return record_from_bytes(bytes);
}

// The member of that name; NULL when the message has none.
void *wire_member(ProtobufCMessage *message, const char *name);
// Makes the member of that name point to `value`, a message or a list. False when that is NULL: the arena was out.
bool wire_set(ProtobufCMessage *message, const char *name, const void *value) __attribute__((warn_unused_result));

// --- to the wire

bool wire_texts(struct arena *arena, const struct slice *from, size_t count, ProtobufCBinaryData **out)
    __attribute__((warn_unused_result));
bool wire_key_id(struct arena *arena, const uint8_t id[KEY_ID_SIZE], ProtobufCBinaryData *out)
    __attribute__((warn_unused_result));
bool wire_entries(struct arena *arena, const struct registry_entry *from, size_t count, Postern__V1__Entry ***out)
    __attribute__((warn_unused_result));
Postern__V1__Entry *wire_entry(struct arena *arena, const char *key, struct slice value);
bool wire_meters(struct arena *arena, const struct authorizer_meter *from, size_t count, Postern__V1__Meter ***out)
    __attribute__((warn_unused_result));
// `account_revoked_before_ms`: of the key's account; the state is as of `now_ms`.
Postern__V1__Key *wire_key(struct arena *arena, const struct registry_key *key, uint64_t account_revoked_before_ms,
                           uint64_t now_ms);
// An Account, Tier or Scope.
void *wire_record(struct arena *arena, enum registry_record_kind kind, const void *plain);
// RFC 3339, UTC, with milliseconds where there are any: "2026-01-31T12:00:00Z".
bool wire_moment(struct arena *arena, uint64_t at_ms, struct slice *out) __attribute__((warn_unused_result));

// --- from the wire

bool wire_read_texts(struct arena *arena, const ProtobufCBinaryData *from, size_t count, struct slice **out)
    __attribute__((warn_unused_result));
bool wire_read_charges(struct arena *arena, Postern__V1__Charge *const *from, size_t count, struct limit_charge **out)
    __attribute__((warn_unused_result));
// What a message asks of a record: the record's fields, as far as the message has them, with complete limits.
// Errors:
//   INVALID_ARGUMENT    it is wrong; the failure has the path below the call ("limits[2].amount")
//   RESOURCE_EXHAUSTED  the arena is out
STATUS_MUST_CHECK enum status wire_read_record(struct arena *arena, enum registry_record_kind kind,
                                               const ProtobufCMessage *message, void *plain,
                                               struct status_failure *failure);

#endif
