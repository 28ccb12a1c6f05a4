// A connection to posternd: one REQ socket with one dialer, and a pool of slots, one for each call in flight.
//
// A channel can be replaced while calls are in flight on it. That is needed because nng 1.5.2 may lose the ability to
// reconnect: when it closes a connection on which a message is just arriving (posternd dies under load: EPIPE before
// EOF), its one reaper thread waits for ever, the dialer never dials again, and nng_close never returns. A new socket
// connects all the same. So whatever closes sockets does it in a thread of its own, and nobody waits for that without
// bound. From there on each attempt to connect that fails costs a descriptor, and what is not closed goes on trying: so
// a channel that is given up stops at once, and a new one is opened only when somebody listens.
#ifndef POSTERN_CHANNEL_H
#define POSTERN_CHANNEL_H

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct postern_channel;

uint64_t postern_now_ms(void); // monotonic

// One conversation. Used by one thread at a time.
struct postern_slot {
    struct postern_channel *channel;
    nng_ctx context;
    nng_aio *aio;
    struct postern_slot *next;
};

struct postern_channel {
    nng_socket socket;
    nng_dialer dialer;
    atomic_uint_least64_t
        unsent_since; // since when requests wait for a connection in vain, monotonic ms; 0 = they do not
    atomic_uint_least64_t silent_since; // since when requests get no answer; 0 = they do
    // Under the client's lock:
    struct postern_slot *idle;
    unsigned users; // slots that are out
    bool retired;
    struct postern_channel *next; // in the closer's queue
};

// Connects in the background. Returns nng's error: NNG_ENOMEM, or what is wrong with the URL.
int postern_channel_open(const char *url, struct postern_channel **channel);
// Connects no more. What it has in flight fails; calls of a channel that is connected are cut off.
void postern_channel_stop(struct postern_channel *channel);
struct postern_slot *postern_slot_new(struct postern_channel *channel); // NULL when memory is out
// False when it is certain that nobody can be reached at the URL now. Takes some 20 ms at most.
bool postern_channel_is_served(const char *url);

// Closes channels, one after the other, in a thread that lives while there is something to close.
struct postern_closer;
struct postern_closer *postern_closer_new(void); // NULL when memory is out
// Takes the channel over; no slot of it may be out.
void postern_closer_give(struct postern_closer *closer, struct postern_channel *channel);
// Has it been closing one channel for so long that it will hardly end?
bool postern_closer_is_stuck(struct postern_closer *closer);
// Waits until everything is closed, but not longer than the span; then the rest is left to the thread. NULL-safe.
void postern_closer_free(struct postern_closer *closer, uint32_t patience_ms);

#endif
