// A reply's `box`: the memory of everything that the reply points to, and the message that it was made of.
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

// Unpacks the bytes of a Reply to a call with tag `tag`, and makes its text valid. A reply with a status other than 0
// may have no result: box->result is NULL then.
// Errors: NULL when memory is out (then *memory is true), or when it is no such reply (then false).
struct postern_reply_box *postern_reply_unpack(const uint8_t *bytes, size_t size, uint32_t tag, bool *memory);
// Makes a box around an empty message, *result, which the caller fills in: what the library answers by itself.
// Errors: NULL when memory is out.
struct postern_reply_box *postern_reply_made(const ProtobufCMessageDescriptor *kind, void **result);
void postern_reply_box_free(const struct postern_reply_box *box); // NULL-safe

// Reads what all replies have: the store's seq, the time, and the details of `status` (NULL: none).
struct postern_reply_base postern_reply_base_of(struct postern_reply_box *box, const Postern__V1__Status *status);
// Takes room for the public reply from the box, and fills in its first member, the base.
// Errors: NULL when memory is out.
void *postern_reply_new(struct postern_reply_box *box, size_t size_bytes);

// Translates the number of a status on the wire; one that this library does not know becomes UNKNOWN.
enum postern_status postern_status_of(uint32_t code);
// Makes every text of an unpacked message valid text: bytes that are not UTF-8 and control characters become '?'.
// (walk.c)
void postern_scrub(ProtobufCMessage *message);

#endif
