// Room-private: calls that may cost more than a decision, which is done at once, wait here for two threads of their
// own. So no list keeps a Verify from its thread, and no caller keeps others from their lists: each has a share of the
// queue.
//
// Threads: any may add.
#ifndef RPC_QUEUE_H
#define RPC_QUEUE_H

#include "rpc/call.h"

enum { CALL_QUEUE_SHARE = 64 }; // calls of one caller that wait or are handled

struct call_queue;

// Errors: RESOURCE_EXHAUSTED when memory or threads are out.
STATUS_MUST_CHECK enum status call_queue_open(struct call_queue **out);
// Waits for all calls that were added. NULL-safe.
void call_queue_close(struct call_queue *queue);
// Handles a call, whose route and caller are known, when its turn comes: CALL_PENDING. CALL_DONE: the caller's share is
// used up, and the call has failed.
enum call_progress call_queue_add(struct call_queue *queue, struct call *call);
// Handles a call again that has waited (watch.h). It needs no share, because its wait had one.
void call_queue_add_again(struct call_queue *queue, struct call *call);

#endif
