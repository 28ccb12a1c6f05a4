// Stored messages (proto/records.proto): to bytes in arena memory and back. Each room that stores records packs and
// unpacks its own with this.
//
// Unpacking takes no pointer into the bytes: what comes out is in the arena (or the buffer) alone.
// Threads: everything here is pure.
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#include "record/schema.h"

#include <string.h>

enum { RECORD_FORMAT = 1 }; // the first field of every stored message

// False when the arena is out.
bool record_pack_message(const ProtobufCMessage *message, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));

// The message, or NULL; then *status says why.
// Errors:
//   DATA_LOSS           it does not decode
//   RESOURCE_EXHAUSTED  the arena is out
void *record_unpack_message(const ProtobufCMessageDescriptor *descriptor, struct slice bytes, struct arena *arena,
                            enum status *status);
// The same in a buffer of the caller's, aligned to 16 bytes; for small messages where there is no arena. NULL when it
// does not decode or does not fit.
void *record_unpack_small(const ProtobufCMessageDescriptor *descriptor, struct slice bytes, uint8_t *buffer,
                          size_t size);

// --- bytes of a message

static inline struct slice record_from_bytes(ProtobufCBinaryData bytes)
{
    return slice_make(bytes.data, bytes.len);
}

// For packing only: the message type serves both directions and is therefore not const, but packing only reads.
static inline ProtobufCBinaryData record_to_bytes(struct slice slice)
{
    return (ProtobufCBinaryData){.len = slice.size, .data = (uint8_t *)(uintptr_t)slice.data};
}

// False unless there are exactly `size` bytes.
static inline bool record_copy_exact(ProtobufCBinaryData from, size_t size, uint8_t *to)
{
    if (from.len != size)
        return false;
    memcpy(to, from.data, size);
    return true;
}

#endif
