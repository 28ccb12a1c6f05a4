// What the files of the authorizer share.
#ifndef AUTHORIZER_INTERNAL_H
#define AUTHORIZER_INTERNAL_H

#include "authorizer/authorizer.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TABLE_METER, TABLE_CLOCK };
enum { USAGE_VIEWS_KEPT = 16 };

struct authorizer {
    struct registry *registry;
    struct store *meters;
    struct clock *clock;
    const struct log *log;
    struct limit_table *limits;
    struct store_txn *meter_view; // for the rare load of a meter that is not in memory
    pthread_mutex_t meter_view_lock;
    atomic_uint clock_jumps;

    struct usage *usage;
    pthread_mutex_t usage_views_lock;
    struct store_txn *usage_views[USAGE_VIEWS_KEPT]; // not begun
    size_t usage_view_count;

    // The write-behind: one job, at most once in the writer's queue.
    struct store_job flush;
    atomic_bool flush_queued;
    bool flush_is_exact; // this run of the job is the clean stop's
    struct arena *flush_arena;
    struct limit_batch *flush_batch;
    uint64_t flush_durable_ms;
    bool flush_failed; // memory ran out while packing
    atomic_bool stopping;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_done;
    bool stopped;
};

extern const struct limit_charge charge_one_request; // what a call without charges costs

// --- note.c
void note_init(struct authorizer *authorizer, struct usage *usage);
void note_close(struct authorizer *authorizer);
// Counts what a call that is done was answered, unless it leaves no trace (authorizer.h).
void note_decision(struct authorizer *authorizer, const struct authorizer_call *call);
void note_identity(struct authorizer *authorizer, const struct authorizer_call *call);

// --- flush.c
void flush_init(struct authorizer *authorizer);
// Has the writer take what the limit table wants written, soon. Any thread.
void flush_request(struct authorizer *authorizer);
// Writes exact states and waits for the commit; calls must have ended.
void flush_exact(struct authorizer *authorizer);

#endif
