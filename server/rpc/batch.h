// Room-private: the answers of a VerifyBatch, one for each call in their order.
#ifndef RPC_BATCH_H
#define RPC_BATCH_H

#include "rpc/call.h"

enum { BATCH_SCRATCH_BYTES = 1024 * 1024 };

struct batch {
    struct call *call;
    struct arena *scratch; // for judging; each answer is copied out of it, in its smallest form
    Postern__V1__VerifyBatchReply *reply;
    size_t next; // the call to answer next
};

// False when memory is out.
bool batch_init(struct batch *batch, struct call *call) __attribute__((warn_unused_result));
// Answers the next call. False when the arena is out. The note's field is relative to that call.
bool batch_add_failure(struct batch *batch, enum status code, const struct status_note *note)
    __attribute__((warn_unused_result));
bool batch_add_decision(struct batch *batch, const struct authorizer_decision *decision)
    __attribute__((warn_unused_result));
// End the batch: with all its answers, or as a failure because memory is out. Always CALL_DONE.
enum call_progress batch_finish(struct batch *batch);
enum call_progress batch_fail_memory(struct batch *batch);

#endif
