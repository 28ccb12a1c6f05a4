// One call, of any kind: from the caller's struct to a reply.
#ifndef POSTERN_CALL_H
#define POSTERN_CALL_H

#include "arena.h"
#include "postern.pb-c.h"
#include "reply.h"

struct postern_ask;

// What came of a call, and what was asked.
struct postern_answer {
    const struct postern_ask *ask;
    struct postern_reply_box *box;
    bool by_policy; // the box is what the policy answers
    enum postern_policy policy;
};

// A callback of an event loop, whatever its reply is; only a method's `deliver` knows, and calls it.
typedef void postern_done(void);

// One kind of call.
struct postern_method {
    // Fills ask->request.call from the public request, whose first member is its struct postern_call; memory comes from
    // the ask. INVALID_ARGUMENT.
    enum postern_status (*to_wire)(struct postern_ask *ask, const void *request, struct postern_error *error);
    // Makes the public reply of answer->box; NULL when memory is out, or with an error of its own.
    void *(*make)(const struct postern_answer *answer, struct postern_error *error);
    void (*deliver)(postern_done *done, void *context, void *reply, const struct postern_error *error);
};

// A call under construction.
struct postern_ask {
    const struct postern_method *method;
    Postern__V1__Request request;
    struct postern_arena arena; // of the request's messages and arrays
    uint32_t timeout_ms;
    bool changes_registry; // for the error's text only
    bool works_once;       // a refund
    uint8_t request_id[POSTERN_ID_SIZE];
    uint8_t charge_id[POSTERN_ID_SIZE]; // random, for calls that need one
    // What POSTERN_FAIL_OPEN answers; NULL: the policy has no say, or memory is out.
    struct postern_reply_box *(*open)(const struct postern_ask *ask);
};

// Asks and waits.
enum postern_status postern_run(struct postern *client, const struct postern_method *method, const void *request,
                                void **reply, struct postern_error *error);
// Asks; postern_process delivers.
enum postern_status postern_start(struct postern *client, const struct postern_method *method, const void *request,
                                  postern_done *done, void *context, struct postern_error *error);
// Delivers CANCELLED to all that were started.
void postern_cancel_all(struct postern *client);
// In a child process: nobody is told. With the lock.
void postern_forget_all(struct postern *client);

// The status of a number on the wire; UNKNOWN for one that this library does not know.
enum postern_status postern_status_of(uint32_t code);
// Fills in random bytes, at most 256. False: the system gave none.
bool postern_random(void *out, size_t size_bytes);

#endif
