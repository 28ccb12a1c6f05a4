// The handle: what the caller gave, the connection, and the pending calls.
//
// LEADER AND FOLLOWERS. All threads share one connection. Each writes its own request (what several have ready goes in
// one send); one of those that wait, the leader, receives for all, hands each answer over and wakes its owner, and
// makes another one the leader when its own answer is there. So one thread alone costs one send and one receive. In an
// event loop postern_process is the leader for a moment.
#ifndef POSTERN_HANDLE_H
#define POSTERN_HANDLE_H

#include "link.h"

#include <pthread.h>

enum { POSTERN_PENDING_MAX = 4096, POSTERN_RANDOM_SIZE = 2048 };

// Memory that is zeroed in a child process (MADV_WIPEONFORK): so the child notices that it is one, and never uses its
// parent's random bytes.
struct postern_fork_guard {
    uint32_t is_ours;
    uint32_t random_left;
    uint8_t random[POSTERN_RANDOM_SIZE];
};

struct postern_pending;

struct postern {
    char *texts[6]; // copies: URL, credential, and what TLS needs
    const char *url;
    const char *api_key;
    uint32_t timeout_ms;
    enum postern_policy policy;
    bool event_loop;
    bool fail_fast;
    bool gathers;      // calls that are started, until postern_process
    bool has_gathered; // some
    struct postern_target target;
    struct postern_fork_guard *guard;
    void (*forget_calls)(struct postern *client); // frees what a parent process has begun; with the lock

    pthread_mutex_t lock; // of what follows; never held while anything waits
    struct postern_link link;
    bool has_leader;
    uint64_t retry_ms; // when the next attempt to connect may begin; monotonic, 0 = at once
    uint64_t backoff_ms;
    struct postern_pending *waiting; // all that are not answered
    struct postern_pending *queue;   // those to be sent when there is a connection, in their order
    struct postern_pending **queue_end;
    struct postern_pending *slots[POSTERN_PENDING_MAX]; // those that were sent, by the low bits of their id
    uint32_t last_id;
    struct postern_pending *finished; // of an event loop: to be delivered
    struct postern_pending **finished_end;
    uint64_t timer_ms; // the earliest wake_ms of an event loop's calls
};

// Readies the lock, the lists and the guard of a handle that is zeroed.
// Errors: false when memory is out.
bool postern_handle_init(struct postern *client);
void postern_handle_wipe(struct postern *client); // what init took
// Takes the lock. In a child process, which got the handle by fork, the handle is made anew first.
void postern_lock(struct postern *client);
// Fills in random bytes, at most POSTERN_RANDOM_SIZE, from a store of the handle's. With the lock.
// Errors: false when the system gives none; errno says why.
bool postern_client_random(struct postern *client, void *out, size_t size);

#endif
