// Room-private: bytes to messages and back.
#ifndef RPC_CODEC_H
#define RPC_CODEC_H

#include "postern.pb-c.h"

#include "base/arena.h"

// Decodes into the arena. NULL when the bytes are not a Request or need more than the arena's budget.
Postern__V1__Request *codec_decode(struct arena *arena, struct slice bytes);
// One field of packed bytes.
struct codec_field {
    uint32_t tag;
    bool is_sized;      // bytes, text or a message
    struct slice value; // only when is_sized; points into the bytes
};
// Takes the first field off `bytes` without allocating. False at the end, or where they are not a message.
bool codec_read_field(struct slice *bytes, struct codec_field *out) __attribute__((warn_unused_result));

// Finds the request_id in bytes that do not decode, if it can be read; otherwise empty. Points into `bytes`.
struct slice codec_salvage_id(struct slice bytes);
// Does the request have a member with the tag of a call that this program does not know?
bool codec_has_unknown_call(const Postern__V1__Request *request);

// Copies the message into `to`, by way of `scratch`; the copy points to nothing else. NULL when either is out.
ProtobufCMessage *codec_copy(const ProtobufCMessage *message, struct arena *scratch, struct arena *to);

#endif
