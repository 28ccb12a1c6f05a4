// What the record files share: the parts that several messages have. Private to pack/.
//
// Reading: DATA_LOSS, RESOURCE_EXHAUSTED (arena), as in record.h. Writing: false when the arena is out.
// Threads: everything here is pure.
#ifndef REGISTRY_PACK_FIELD_H
#define REGISTRY_PACK_FIELD_H

#include "registry/pack/pack.h"

#include <records.pb-c.h>

// --- arrays. Reading leaves *to NULL for an empty one.

STATUS_MUST_CHECK enum status pack_read_texts(const ProtobufCBinaryData *from, size_t count, size_t count_max,
                                              struct arena *arena, struct slice **to);
STATUS_MUST_CHECK enum status pack_read_entries(Postern__Records__EntryRecord *const *from, size_t count,
                                                struct arena *arena, struct registry_entry **to);
STATUS_MUST_CHECK enum status pack_read_limits(Postern__Records__LimitRecord *const *from, size_t count,
                                               struct arena *arena, struct limit **to);
bool pack_write_texts(const struct slice *from, size_t count, struct arena *arena, ProtobufCBinaryData **to)
    __attribute__((warn_unused_result));
bool pack_write_entries(const struct registry_entry *from, size_t count, struct arena *arena,
                        Postern__Records__EntryRecord ***to) __attribute__((warn_unused_result));
bool pack_write_limits(const struct limit *from, size_t count, struct arena *arena, Postern__Records__LimitRecord ***to)
    __attribute__((warn_unused_result));

// --- records, as they stand in their tables and in changes

STATUS_MUST_CHECK enum status pack_read_key(const Postern__Records__KeyRecord *from, struct arena *arena,
                                            struct registry_key *to);
STATUS_MUST_CHECK enum status pack_read_account(const Postern__Records__AccountRecord *from, struct arena *arena,
                                                struct registry_account *to);
STATUS_MUST_CHECK enum status pack_read_tier(const Postern__Records__TierRecord *from, struct arena *arena,
                                             struct registry_tier *to);
STATUS_MUST_CHECK enum status pack_read_scope(const Postern__Records__ScopeRecord *from, struct arena *arena,
                                              struct registry_scope *to);
bool pack_write_key(const struct registry_key *from, struct arena *arena, Postern__Records__KeyRecord *to)
    __attribute__((warn_unused_result));
bool pack_write_account(const struct registry_account *from, struct arena *arena, Postern__Records__AccountRecord *to)
    __attribute__((warn_unused_result));
bool pack_write_tier(const struct registry_tier *from, struct arena *arena, Postern__Records__TierRecord *to)
    __attribute__((warn_unused_result));
bool pack_write_scope(const struct registry_scope *from, struct arena *arena, Postern__Records__ScopeRecord *to)
    __attribute__((warn_unused_result));

#endif
