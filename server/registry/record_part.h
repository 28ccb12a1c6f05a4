// What the record files share: memory of the unpacker, and the parts that several messages have. Private to record*.c.
//
// Reading: DATA_LOSS, RESOURCE_EXHAUSTED (arena), as in record.h. Writing: false when the arena is out.
// Threads: everything here is pure.
#ifndef REGISTRY_RECORD_PART_H
#define REGISTRY_RECORD_PART_H

#include "registry/record.h"

#include <records.pb-c.h>

// --- messages

// NULL: *status says why.
void *record_unpack_message(const ProtobufCMessageDescriptor *descriptor, struct slice bytes, struct arena *arena,
                            enum status *status);
// The same for bytes that record_pack_message has written, which is quicker. NULL: ask record_unpack_message.
ProtobufCMessage *record_unpack_own(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                                    struct arena *arena);
// As record_unpack_message, in a buffer of the caller's, aligned to 16 bytes; for small messages where there is no
// arena.
void *record_unpack_small(const ProtobufCMessageDescriptor *descriptor, struct slice bytes, uint8_t *buffer,
                          size_t size);
bool record_pack_message(const ProtobufCMessage *message, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));

// --- bytes

struct slice record_from_bytes(ProtobufCBinaryData bytes);
ProtobufCBinaryData record_to_bytes(struct slice slice); // for packing only
// False unless there are exactly `size` bytes.
bool record_copy_exact(ProtobufCBinaryData from, size_t size, uint8_t *to) __attribute__((warn_unused_result));

// --- arrays. Reading leaves *to NULL for an empty one.

STATUS_MUST_CHECK enum status record_read_texts(const ProtobufCBinaryData *from, size_t count, size_t count_max,
                                                struct arena *arena, struct slice **to);
STATUS_MUST_CHECK enum status record_read_entries(Postern__Records__EntryRecord *const *from, size_t count,
                                                  struct arena *arena, struct registry_entry **to);
STATUS_MUST_CHECK enum status record_read_limits(Postern__Records__LimitRecord *const *from, size_t count,
                                                 struct arena *arena, struct limit **to);
bool record_write_texts(const struct slice *from, size_t count, struct arena *arena, ProtobufCBinaryData **to)
    __attribute__((warn_unused_result));
bool record_write_entries(const struct registry_entry *from, size_t count, struct arena *arena,
                          Postern__Records__EntryRecord ***to) __attribute__((warn_unused_result));
bool record_write_limits(const struct limit *from, size_t count, struct arena *arena,
                         Postern__Records__LimitRecord ***to) __attribute__((warn_unused_result));

// --- records, as they stand in their tables and in changes

STATUS_MUST_CHECK enum status record_read_key(const Postern__Records__KeyRecord *from, struct arena *arena,
                                              struct registry_key *to);
STATUS_MUST_CHECK enum status record_read_account(const Postern__Records__AccountRecord *from, struct arena *arena,
                                                  struct registry_account *to);
STATUS_MUST_CHECK enum status record_read_tier(const Postern__Records__TierRecord *from, struct arena *arena,
                                               struct registry_tier *to);
STATUS_MUST_CHECK enum status record_read_scope(const Postern__Records__ScopeRecord *from, struct arena *arena,
                                                struct registry_scope *to);
bool record_write_key(const struct registry_key *from, struct arena *arena, Postern__Records__KeyRecord *to)
    __attribute__((warn_unused_result));
bool record_write_account(const struct registry_account *from, struct arena *arena, Postern__Records__AccountRecord *to)
    __attribute__((warn_unused_result));
bool record_write_tier(const struct registry_tier *from, struct arena *arena, Postern__Records__TierRecord *to)
    __attribute__((warn_unused_result));
bool record_write_scope(const struct registry_scope *from, struct arena *arena, Postern__Records__ScopeRecord *to)
    __attribute__((warn_unused_result));

#endif
