// Room-private, pure: the SP req/rep protocol on a byte stream, as nng and nanomsg speak it.
//
// Both sides greet with 8 bytes: 00 'S' 'P' 00, the protocol as a 16-bit number (REQ 0x0030, REP 0x0031), 00 00. Then
// come frames: over ipc a byte 01, everywhere a 64-bit length and that many bytes. A message of req/rep begins with
// 32-bit ids up to and including the first that has its high bit set: that one is the request's, and a device puts one
// more in front of it. A reply gives all of them back. Numbers are big endian.
// Source: nanomsg RFCs sp-tcp-mapping-01, sp-ipc-mapping-01 (draft) and sp-request-reply-01.
#ifndef TRANSPORT_FRAME_H
#define TRANSPORT_FRAME_H

#include "base/slice.h"

#include <stdbool.h>

enum {
    FRAME_GREETING_SIZE = 8,
    FRAME_ID_SIZE = 4,
    FRAME_HOPS_MAX = 16, // ids of one message: nng's own bound of devices on the way is 15
    FRAME_IDS_MAX = FRAME_HOPS_MAX * FRAME_ID_SIZE,
    FRAME_HEADER_MAX = 1 + 8, // type and length
    FRAME_PREFIX_MAX = FRAME_HEADER_MAX + FRAME_IDS_MAX
};

enum frame_result {
    FRAME_WHOLE,
    FRAME_PART, // right so far, but more has to come
    FRAME_BAD   // not this protocol
};

// The server's greeting.
extern const uint8_t frame_greeting[FRAME_GREETING_SIZE];
// Checks the greeting of a client; bytes behind it do not matter.
enum frame_result frame_check_greeting(struct slice bytes);

struct frame_format {
    bool has_type;   // ipc: a byte 01 stands in front of the length
    size_t body_max; // bytes of a message without its ids
};

struct frame {
    size_t size;       // of the whole frame
    struct slice ids;  // point into the bytes
    struct slice body; // as much of it as has come
};

// Parses the first frame of `bytes`. PART with out->size not 0: header, ids and the part of the body in out->body have
// come. BAD: the frame is too large, which its header already shows, or has no request id.
enum frame_result frame_parse(const struct frame_format *format, struct slice bytes, struct frame *out);

// Returns how many bytes stand in front of a reply's body.
size_t frame_prefix_size(const struct frame_format *format, size_t ids_size);
void frame_write_prefix(const struct frame_format *format, struct slice ids, size_t body_size, uint8_t *out);

#endif
