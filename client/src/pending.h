// A pending call: sent, answered, sent again, until there is a definite answer or its deadline has come.
#ifndef POSTERN_PENDING_H
#define POSTERN_PENDING_H

#include "ask.h"

#include <stdatomic.h>

enum postern_pending_state {  // pending.c tells how it goes from one to the next
    POSTERN_PENDING_QUEUED,   // for a connection
    POSTERN_PENDING_SENT,     // waits for its answer
    POSTERN_PENDING_PAUSED,   // before it is sent again
    POSTERN_PENDING_ANSWERED, // reply has what came
    POSTERN_PENDING_DONE      // error says how it ended
};

// The word of the futex on which the owner of a call sleeps: LOOK means that something has changed, ANSWER that the
// call is ANSWERED and the owner's again.
enum postern_signal { POSTERN_SLEEP, POSTERN_LOOK, POSTERN_ANSWER };

struct postern;

struct postern_pending {
    struct postern_ask *ask;
    uint8_t *frame; // room for the link's prefix, then the message
    size_t size;    // of the message
    size_t timeout_at;
    uint64_t deadline_ms;
    uint64_t wake_ms; // the next moment at which something has to happen to it
    uint64_t backoff_ms;
    enum postern_pending_state state;
    uint32_t id; // while it is sent
    bool unsure; // posternd may have carried it out
    uint8_t *reply;
    size_t reply_size;
    struct postern_error error;
    struct postern_reply_box *box;
    _Atomic uint32_t signal;
    bool is_async;
    struct postern_pending *next, *previous; // among those waiting
    struct postern_pending *after;           // in the queue, or among the finished
};

// --- pending.c: lists, the clock, sending; with the handle's lock

enum { POSTERN_BACKOFF_MS_MIN = 10 };

// Adds a call to those that wait, and queues it. Its deadline counts from `now_ms`.
void postern_pending_begin(struct postern *client, struct postern_pending *pending, uint64_t now_ms);
// Does all that can be done without waiting: looks at the clock for this call (NULL: for all), connects, sends.
void postern_pending_step(struct postern *client, struct postern_pending *pending, uint64_t now_ms);
// Lets the call pause before it is sent again, or ends it when its deadline would come first.
void postern_pending_again(struct postern *client, struct postern_pending *pending, uint64_t now_ms);
// Takes the call out of all lists.
void postern_pending_forget(struct postern *client, struct postern_pending *pending);
// Takes it out of all lists and leaves it in this state; in an event loop it goes to those that are to be delivered.
void postern_pending_end_as(struct postern *client, struct postern_pending *pending, enum postern_pending_state state);
// Says in the call's error that posternd may have carried it out.
void postern_pending_note_unsure(struct postern_pending *pending);
// Ends the call with the error that it has.
void postern_pending_finish(struct postern *client, struct postern_pending *pending);
// Ends the call with CANCELLED.
void postern_pending_cancel(struct postern *client, struct postern_pending *pending);
// Notes for all calls that the connection is lost, or cannot be made: link.failure says why.
void postern_pending_lose(struct postern *client, uint64_t now_ms);
// Wakes the thread that waits for this call; in an event loop nothing happens.
void postern_pending_wake(struct postern_pending *pending, enum postern_signal signal);

// --- answer.c: reading what came; by the call's owner, without the lock

// Reads the answer to a call that is ANSWERED. True: the call is DONE. False: it has to be sent again, and the owner
// calls postern_pending_again.
bool postern_pending_read(struct postern *client, struct postern_pending *pending);

// --- receive.c: receiving for all

// Sends a call and waits until it is DONE. Without the lock; not in an event loop.
void postern_pending_wait(struct postern *client, struct postern_pending *pending);
// Receives what has come, without waiting. With the lock.
void postern_pending_receive(struct postern *client);

#endif
