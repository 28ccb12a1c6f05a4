// A pending call: sent, answered, sent again, until there is a definite answer or its deadline has come.
#ifndef POSTERN_FLIGHT_H
#define POSTERN_FLIGHT_H

#include "call.h"

#include <stdatomic.h>

enum postern_flight_state {
    POSTERN_FLIGHT_QUEUED,   // for a connection
    POSTERN_FLIGHT_SENT,     // waits for its answer
    POSTERN_FLIGHT_PAUSED,   // before it is sent again
    POSTERN_FLIGHT_ANSWERED, // reply has what came
    POSTERN_FLIGHT_DONE      // error says how it ended
};

// The word of the futex on which the owner of a call sleeps: LOOK means that something has changed, ANSWER that the
// call is ANSWERED and the owner's again.
enum postern_signal { POSTERN_SLEEP, POSTERN_LOOK, POSTERN_ANSWER };

struct postern;

struct postern_flight {
    struct postern_ask *ask;
    uint8_t *frame; // room for the link's prefix, then the message
    size_t size;    // of the message
    size_t timeout_at;
    uint64_t deadline_ms;
    uint64_t wake_ms; // the next moment at which something has to happen to it
    uint64_t backoff_ms;
    enum postern_flight_state state;
    uint32_t id; // while it is sent
    bool unsure; // posternd may have carried it out
    uint8_t *reply;
    size_t reply_size;
    struct postern_error error;
    struct postern_reply_box *box;
    _Atomic uint32_t signal;
    bool is_async;
    struct postern_flight *next, *previous; // among those waiting
    struct postern_flight *after;           // in the queue, among the finished, or among those to be woken
};

// Sends a call and waits until it is DONE. Without the lock; not in an event loop.
void postern_flight_fly(struct postern *client, struct postern_flight *flight);

// --- with the handle's lock

// Adds a call to those that wait, and queues it. Its deadline counts from `now_ms`.
void postern_flight_begin(struct postern *client, struct postern_flight *flight, uint64_t now_ms);
// Does all that can be done without waiting: looks at the clock for this call (NULL: for all), connects, sends.
void postern_flights_step(struct postern *client, struct postern_flight *flight, uint64_t now_ms);
// Receives for all, without waiting.
void postern_flights_poll(struct postern *client);
// Reads the answer to a call that is ANSWERED; by its owner, without the lock. True: the call is DONE. False: the
// answer says to send it again; then the owner calls postern_flight_again, with the lock.
bool postern_flight_read(struct postern *client, struct postern_flight *flight);
// Lets the call pause before it is sent again, or ends it when its deadline would come first.
void postern_flight_again(struct postern *client, struct postern_flight *flight, uint64_t now_ms);
// Takes the call out of all lists.
void postern_flight_forget(struct postern *client, struct postern_flight *flight);
// Ends the call with CANCELLED.
void postern_flight_cancel(struct postern *client, struct postern_flight *flight);

// Wakes the thread that waits for this call; in an event loop nothing happens.
void postern_flight_tell(struct postern_flight *flight, enum postern_signal signal);

// --- between call.c, which begins and ends it, flight.c, which sends and looks at the clock, receive.c, which receives
// for all, and reply.c, which reads the answer; the last three with the handle's lock

enum { POSTERN_BACKOFF_MS_MIN = 10 };

void postern_bytes_wipe(uint8_t *bytes, size_t size); // wipes and frees; NULL-safe
// Takes it out of all lists and leaves it in this state; in an event loop it goes to those that are to be delivered.
void postern_flight_end_as(struct postern *client, struct postern_flight *flight, enum postern_flight_state state);
// Ends the call with the error that it has.
void postern_flight_finish(struct postern *client, struct postern_flight *flight);
// Notes for all calls that the connection is lost, or cannot be made: link.failure says why.
void postern_flights_lose(struct postern *client, uint64_t now_ms);

#endif
