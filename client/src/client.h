// The handle: one REQ socket with one dialer, and a pool of slots, one for each call in flight.
#ifndef POSTERN_CLIENT_H
#define POSTERN_CLIENT_H

#include "postern/postern.h"

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

// One conversation on the socket. Used by one thread at a time.
struct postern_slot {
    nng_ctx context;
    nng_aio *aio;
    struct postern_slot *next;
};

struct postern {
    nng_socket socket;
    char *url;
    char *api_key;
    uint32_t timeout_ms;
    enum postern_policy policy;
    bool may_vanish;                    // the peer can disappear without closing the connection (not over ipc)
    atomic_uint_least32_t pipe;         // id of the connection, 0 = none
    atomic_uint_least64_t silent_since; // when a request got no answer first, monotonic ms; 0 = answers come
    pthread_mutex_t lock;               // of `idle`; never held over a call of nng
    struct postern_slot *idle;
};

// NULL when memory is out.
struct postern_slot *postern_slot_take(struct postern *client);
void postern_slot_give(struct postern *client, struct postern_slot *slot);

#endif
