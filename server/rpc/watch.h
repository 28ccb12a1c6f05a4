// Room-private: calls that wait for a change of the registry. None of them holds a thread or a snapshot: one thread
// looks after all of them, and gives each back to the queue when there is a change that it has not seen.
//
// A wait ends when its time is over, when the peer has gone, and when the room closes. The call is then answered with
// the reply that its handler has made before it waited. How many wait is bounded, for each caller and in all.
//
// Threads: any may add and note.
#ifndef RPC_WATCH_H
#define RPC_WATCH_H

#include "rpc/queue.h"

enum {
    CALL_WATCH_SHARE = 64,      // calls of one caller that wait
    CALL_WATCH_WAIT_MS = 60000, // the longest wait
    CALL_WATCH_TRIES = 16       // looks in vain of one call, each of which costs memory: then it is answered
};

struct call_watch;

struct call_watch_options {
    struct registry *registry;
    struct clock *clock;
    struct call_queue *queue; // handles those that are given back; outlives the watch
    size_t calls_max;         // that wait, of all callers
};

// Errors: RESOURCE_EXHAUSTED when memory or threads are out.
STATUS_MUST_CHECK enum status call_watch_open(const struct call_watch_options *options, struct call_watch **out);
// Ends all waits, and takes none from now on. NULL-safe.
void call_watch_stop(struct call_watch *watch);
// Frees it; no call may be waiting, so call_watch_stop comes first. NULL-safe.
void call_watch_close(struct call_watch *watch);
// Lets a call wait whose handler has made a reply out of the registry as it was at `seen_seq`: CALL_PENDING. It is
// handled again when there is a newer change, or finished when it has waited for `wait_ms` in all. CALL_DONE: it has
// waited enough, or cannot wait. When it is the caller's share that is used up, the call has failed.
enum call_progress call_watch_add(struct call_watch *watch, struct call *call, uint64_t seen_seq, uint32_t wait_ms);
// Says that there may be a newer change. Never blocks for long. NULL-safe.
void call_watch_wake(struct call_watch *watch);

#endif
