// One call on its way: sent, answered, sent again, until there is a definite answer or the deadline has come.
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

// What a waiting thread is woken for; the word of a futex.
enum postern_signal { POSTERN_SLEEP, POSTERN_LOOK, POSTERN_ANSWER };

struct postern;

struct postern_flight {
    struct postern_ask *ask;
    uint8_t *frame; // room for the link's prefix, then the message
    size_t size;    // of the message
    size_t timeout_at;
    uint64_t deadline_ms;
    uint64_t wake_ms; // when it has to be looked at next
    uint64_t backoff_ms;
    enum postern_flight_state state;
    uint32_t id; // while it is sent
    bool unsure; // it may have been carried out
    uint8_t *reply;
    size_t reply_size;
    struct postern_error error;
    struct postern_reply_box *box;
    _Atomic uint32_t signal;
    bool is_async;
    struct postern_flight *next, *previous; // among those waiting
    struct postern_flight *after;           // in the queue, among the finished, or among those to be woken
};

// Asks and waits for the answer. Without the lock; not in an event loop.
void postern_flight_fly(struct postern *client, struct postern_flight *flight);

// --- with the handle's lock

void postern_flight_begin(struct postern *client, struct postern_flight *flight, uint64_t now_ms);
// Whatever can go on without waiting does: connects, sends, looks at the clock for this flight (NULL: for all).
void postern_flights_step(struct postern *client, struct postern_flight *flight, uint64_t now_ms);
// Receives for all, without waiting.
void postern_flights_poll(struct postern *client);
// Reads what came for a flight that is ANSWERED; without the lock, by its owner. True: it is DONE. False: it has to be
// sent again; postern_flight_again then says when, with the lock.
bool postern_flight_read(struct postern *client, struct postern_flight *flight);
void postern_flight_again(struct postern *client, struct postern_flight *flight, uint64_t now_ms);
void postern_flight_forget(struct postern *client, struct postern_flight *flight); // from all lists

void postern_flight_cancel(struct postern *client, struct postern_flight *flight);

// Wakes its owner, if he is a thread that sleeps.
void postern_flight_tell(struct postern_flight *flight, enum postern_signal signal);

// --- between call.c, which begins and ends it, flight.c, which sends and looks at the clock, receive.c, which receives
// for all, and reply.c, which reads the answer; the last three with the handle's lock

enum { POSTERN_BACKOFF_MS_MIN = 10 };

void postern_bytes_wipe(uint8_t *bytes, size_t size); // wipes and frees; NULL-safe
// The owner finds it in this state, in an event loop among those to be delivered.
void postern_flight_end_as(struct postern *client, struct postern_flight *flight, enum postern_flight_state state);
void postern_flight_finish(struct postern *client, struct postern_flight *flight); // with its error
// The connection is gone, or there is none: link.failure says why.
void postern_flights_lose(struct postern *client, uint64_t now_ms);

#endif
