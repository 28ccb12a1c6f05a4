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
// A box around an empty message, which is to be filled in, for what the library answers by itself. NULL when memory is
// out.
struct postern_reply_box *postern_reply_made(const ProtobufCMessageDescriptor *kind, void **result);
void postern_reply_box_free(const struct postern_reply_box *box); // NULL-safe

// What is the same in all replies; of one that is no part of another the box, too.
struct postern_reply_base postern_reply_base_of(struct postern_reply_box *box, const Postern__V1__Status *status);
// Takes room for the public reply, whose first member is the base, and fills that in. NULL when memory is out.
void *postern_reply_new(struct postern_reply_box *box, size_t size_bytes);

// The status of a number on the wire; UNKNOWN for one that this library does not know.
enum postern_status postern_status_of(uint32_t code);
// Makes every text of an unpacked message valid text: bytes that are not UTF-8 and control characters become '?'.
// (walk.c)
void postern_scrub(ProtobufCMessage *message);

#endif
