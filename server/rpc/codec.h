// Room-private: bytes to messages and back.
#ifndef RPC_CODEC_H
#define RPC_CODEC_H

#include "postern.pb-c.h"

#include "base/arena.h"

// All memory comes from the arena. NULL when the bytes are no Request or need more than the arena's budget.
Postern__V1__Request *codec_decode(struct arena *arena, struct slice bytes);
// One field of packed bytes, without memory.
struct codec_field {
    uint32_t tag;
    bool is_sized;      // bytes, text or a message
    struct slice value; // then; points into the bytes
};
// Takes the first field off `bytes`. False at the end, or where they are no message.
bool codec_read_field(struct slice *bytes, struct codec_field *out) __attribute__((warn_unused_result));

// The request_id of bytes that do not decode, as far as it can be read; else empty. Points into `bytes`.
struct slice codec_salvage_id(struct slice bytes);
// The request carries a member with a tag of calls that this program does not know.
bool codec_has_unknown_call(const Postern__V1__Request *request);

// A copy in memory of `to` that points to nothing else, made by way of `scratch`; NULL when either is out.
ProtobufCMessage *codec_copy(const ProtobufCMessage *message, struct arena *scratch, struct arena *to);
// record_pack_message in one pass, for a message that takes at most `size` bytes: what is packed stands at the end of
// the buffer. Empty when it does not fit, or has something that only protobuf_c_message_pack knows.
struct slice codec_pack_short(const ProtobufCMessage *message, uint8_t *buffer, size_t size);

#endif
