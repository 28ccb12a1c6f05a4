// One call: asks, and asks again, until there is an answer or the deadline has come.
#ifndef POSTERN_CALL_H
#define POSTERN_CALL_H

#include "arena.h"
#include "client.h"
#include "postern.pb-c.h"
#include "reply.h"

// A call under construction. `request.call` and `request.call_case` are the caller's to set, after postern_ask_init.
struct postern_ask {
    Postern__V1__Request request;
    struct postern_arena arena; // of the request's arrays
    uint32_t timeout_ms;
    bool changes_registry; // for the error's text only
    bool works_once;       // a refund
    uint8_t request_id[POSTERN_ID_SIZE];
    uint8_t charge_id[POSTERN_ID_SIZE]; // random, for calls that need one
};

// Makes the envelope. `options` as in the public requests. INTERNAL when the system has no randomness.
enum postern_status postern_ask_init(struct postern *client, const struct postern_call *options,
                                     struct postern_ask *ask, struct postern_error *error);
void postern_ask_wipe(struct postern_ask *ask);
// Performs it. POSTERN_OK: *box holds the answer and is the caller's.
enum postern_status postern_ask_perform(struct postern *client, struct postern_ask *ask, struct postern_reply_box **box,
                                        struct postern_error *error);
// The last steps of every call: `reply` was made of `box`; frees the box and reports when memory ran out on the way.
enum postern_status postern_ask_finish(struct postern_reply_box *box, void *reply, struct postern_error *error);
// All that follows once `ask->request` is complete: performs it, has `make` make the public reply of the box (NULL when
// memory is out), wipes the ask. *reply is NULL unless POSTERN_OK.
enum postern_status postern_ask_answer(struct postern *client, struct postern_ask *ask,
                                       void *(*make)(struct postern_reply_box *box), void **reply,
                                       struct postern_error *error);
// The status of a number on the wire; UNKNOWN for one that this library does not know.
enum postern_status postern_status_of(uint32_t code);
// Fills in random bytes, at most 256. False: the system gave none.
bool postern_random(void *out, size_t size_bytes);

#endif
