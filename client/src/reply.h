// What a reply's `box` is: the memory of everything that the reply points to, and the message it was made of.
#ifndef POSTERN_REPLY_H
#define POSTERN_REPLY_H

#include "arena.h"
#include "postern.pb-c.h"
#include "postern/postern.h"

struct postern_reply_box {
    struct postern_arena arena; // holds this box too
    const Postern__V1__Reply *wire;
    const ProtobufCMessage *result; // the member of wire's oneof
};

// Unpacks, scrubs and checks the bytes of a Reply to a call with tag `tag`. NULL when memory is out or when it is not
// such a reply: then `*memory` tells which. A status other than 0 needs no result: box->result is NULL then.
struct postern_reply_box *postern_reply_unpack(const uint8_t *bytes, size_t size, uint32_t tag, bool *memory);
// A box around a copy of a message without any pointers of its own, for what the library answers by itself. NULL when
// memory is out.
struct postern_reply_box *postern_reply_made(const ProtobufCMessage *result);
void postern_reply_box_free(struct postern_reply_box *box); // NULL-safe

// Takes room for the public reply, whose first member is the base, and fills that in. NULL when memory is out.
void *postern_reply_new(struct postern_reply_box *box, size_t size_bytes);

// Name without prefix, NULL for an unknown number. (walk.c)
const char *postern_enum_word(const ProtobufCEnumDescriptor *words, int value);

#endif
