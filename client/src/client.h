// The handle: what the caller gave, the connection, and the calls in flight.
//
// LEADER AND FOLLOWERS. All threads share one connection. Each writes its own request (what several have ready goes in
// one send); one of those that wait, the leader, receives for all, hands each answer over and wakes its owner, and
// makes another one the leader when its own answer is there. So one thread alone costs one send and one receive. In an
// event loop postern_process is the leader for a moment.
#ifndef POSTERN_CLIENT_H
#define POSTERN_CLIENT_H

#include "flight.h"
#include "link.h"

#include <pthread.h>
#include <stdatomic.h>

enum { POSTERN_IN_FLIGHT_MAX = 4096, POSTERN_RANDOM_SIZE = 2048 };

// A page that a child process gets empty (MADV_WIPEONFORK): so it knows, and never shares random bytes.
struct postern_page {
    uint32_t is_ours;
    uint32_t random_left;
    uint8_t random[POSTERN_RANDOM_SIZE];
};

struct postern {
    char *texts[6]; // copies: URL, credential, and what TLS needs
    const char *url;
    const char *api_key;
    uint32_t timeout_ms;
    enum postern_policy policy;
    bool event_loop;
    bool fail_fast;
    struct postern_target target;
    struct postern_page *page;

    pthread_mutex_t lock; // of what follows; never held while anything waits
    struct postern_link link;
    bool has_leader;
    uint64_t retry_ms; // not before that is a connection tried again; monotonic, 0 = at once
    uint64_t backoff_ms;
    struct postern_flight *waiting; // all that are not answered
    struct postern_flight *queue;   // those to be sent when there is a connection, in their order
    struct postern_flight **queue_end;
    struct postern_flight *slots[POSTERN_IN_FLIGHT_MAX]; // those that were sent, by the low bits of their id
    uint32_t last_id;
    struct postern_flight *finished; // of an event loop: to be delivered
    struct postern_flight **finished_end;
    uint64_t timer_ms; // when the next of an event loop's calls has to be looked at
};

uint64_t postern_now_ms(void); // monotonic
// Fills in random bytes, at most 256. False: the system gave none.
bool postern_random(void *out, size_t size_bytes);
// Random bytes, at most POSTERN_RANDOM_SIZE; from a store of the handle's. False: the system gave none.
bool postern_client_random(struct postern *client, void *out, size_t size);
// Locks the handle; in a child process that got it by fork it is made anew first.
void postern_lock(struct postern *client);

#endif
