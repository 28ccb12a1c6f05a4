// A call as it is made (ask), as it ends (answer), and what is particular to its kind (method).
#ifndef POSTERN_ASK_H
#define POSTERN_ASK_H

#include "arena.h"
#include "reply.h"
#include "wire.h"

// A call under construction.
struct postern_ask {
    const struct postern_method *method;
    Postern__V1__Request request;
    struct postern_arena arena; // of the request's messages and arrays
    uint32_t timeout_ms;
    uint32_t wait_ms;      // posternd may let so much of it pass before it answers
    bool works_once;       // a refund: it cannot be repeated
    bool comes_afterwards; // it counts work that is done, so no policy can grant it
    uint8_t request_id[POSTERN_ID_SIZE];
    uint8_t charge_id[POSTERN_ID_SIZE]; // random, for calls that need one
};

// A call's answer, beside what was asked.
struct postern_answer {
    const struct postern_ask *ask;
    struct postern_reply_box *box;
    bool by_policy; // the policy made the box, not posternd
    enum postern_policy policy;
};

// A callback of an event loop. The type of its reply is known to the method's `deliver`, which calls it.
typedef void postern_done(void);

// One kind of call. The tables say nearly all; the functions, NULL where they are not needed, say the rest.
struct postern_method {
    Postern__V1__Request__CallCase tag;
    const struct postern_table *request; // of a struct whose first member is its struct postern_call
    const struct postern_table *reply;
    bool changes_registry; // for the error's text only
    // Adds to `message` what the table does not say of the public request; memory comes from the ask.
    // Errors:
    //   INVALID_ARGUMENT  the request is out of bounds
    //   INTERNAL          the system gives no random bytes
    enum postern_status (*complete)(struct postern_ask *ask, const void *request, void *message,
                                    struct postern_error *error);
    // Adds to `reply` what the table does not say of answer->box.
    // Errors: INTERNAL when the reply does not fit what was asked.
    enum postern_status (*finish)(const struct postern_answer *answer, void *reply, struct postern_error *error);
    // Fills in what POSTERN_FAIL_OPEN answers, with memory from the reply's arena. Without it the policy has no say.
    void (*open)(const struct postern_ask *ask, struct postern_arena *arena, void *result);
    void (*deliver)(postern_done *done, void *context, void *reply, const struct postern_error *error);
};

#endif
