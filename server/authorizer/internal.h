// What the files of the authorizer share.
#ifndef AUTHORIZER_INTERNAL_H
#define AUTHORIZER_INTERNAL_H

#include "authorizer/authorizer.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TABLE_METER, TABLE_CLOCK, TABLE_CUSTOM };
enum { USAGE_VIEWS_KEPT = 16 };

// Meters of custom subjects. Anybody can make one up, so their records are counted, bounded and swept.
struct custom {
    uint64_t max_meters; // 0: there are none
    uint64_t start_ms;   // of this process: what a crash has lost counts as spent then
    _Atomic uint64_t count;

    // The sweep: one job, at most once in the writer's queue.
    struct store_job job;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    bool queued;
    bool stopping;
    unsigned runs_left; // before the next time that it is asked for
    struct arena *arena;
    struct limit_name next;   // where the walk goes on; size 0: at the table's beginning
    struct limit_name *found; // of one run: to be deleted
    size_t found_count;
};

struct authorizer {
    struct registry *registry;
    struct store *meters;
    struct clock *clock;
    const struct log *log;
    struct limit_table *limits;
    struct store_txn *meter_view; // for the rare load of a meter that is not in memory
    pthread_mutex_t meter_view_lock;
    struct custom custom;
    atomic_uint clock_jumps;
    uint64_t wall_offset_ms;   // the ticker's: where the wall clock was at its last look
    uint64_t registry_commits; // the ticker's: of its last look
    atomic_bool in_use;        // somebody was answered since the last tick

    struct usage *usage;
    pthread_mutex_t usage_views_lock;
    struct store_txn *usage_views[USAGE_VIEWS_KEPT]; // not begun
    size_t usage_view_count;

    // The write-behind: one job, at most once in the writer's queue.
    struct store_job flush;
    atomic_bool flush_queued;
    atomic_bool mark_wanted; // since the last one was written
    bool flush_has_run;
    bool flush_is_exact; // this run of the job is the clean stop's
    unsigned stop_skips; // runs of the clean stop that the store did not come to
    struct arena *flush_arena;
    struct limit_batch *flush_batch;
    uint64_t flush_durable_ms;
    uint64_t flush_promised_ms; // how far the mark of this run is ahead of the daemon's time
    bool flush_failed;          // memory ran out while packing
    atomic_bool stopping;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_done;
    bool stopped;
    bool marked; // a mark of this run is on disk, or cannot be written
};

extern const struct limit_charge charge_one_request; // what a call without charges costs

// --- note.c
void note_init(struct authorizer *authorizer, struct usage *usage);
void note_close(struct authorizer *authorizer);
// Counts what a call that is done was answered, unless it leaves no trace (authorizer.h).
void note_decision(struct authorizer *authorizer, const struct authorizer_call *call);
void note_identity(struct authorizer *authorizer, const struct authorizer_call *call);

enum { FENCE_SLACK_MS = 1000 }; // a wall clock that is slewed, or read a little later, has not been set

// --- fence.c
// Has the mark on disk before anybody is answered, and says how the wall clock stands.
void fence_open(struct authorizer *authorizer);
// How far the next mark has to be ahead of the daemon's time for it to follow the wall clock.
uint64_t fence_promise_ms(struct authorizer *authorizer);
// Follows the wall clock as far as a mark on disk has promised.
void fence_follow(struct authorizer *authorizer, uint64_t promised_ms);
// Somebody is being answered by the daemon's time: it is written down within a second.
void fence_note_use(struct authorizer *authorizer);

// --- custom.c
// Which table a meter's record is in: its name begins with the subject.
unsigned custom_table(struct slice name);
bool custom_init(struct authorizer *authorizer, uint64_t max_meters); // after the clock is set; false: no memory
void custom_close(struct authorizer *authorizer);                     // waits for the sweep
// May a call on this name go on? FAILED_PRECONDITION: there are no custom subjects here.
STATUS_MUST_CHECK enum status custom_allow(const struct authorizer *authorizer, struct slice name,
                                           struct status_note *note);
// Is there room for one more record? Asked when a meter has none. Calls at the same time may pass the bound together,
// and a meter that is in memory by then: by no more than fit there. RESOURCE_EXHAUSTED, UNAVAILABLE.
STATUS_MUST_CHECK enum status custom_admit(struct authorizer *authorizer, struct store_txn *view,
                                           struct status_note *note);

// --- flush.c
void flush_init(struct authorizer *authorizer);
// Has the writer take what the limit table wants written, soon. Any thread.
void flush_request(struct authorizer *authorizer);
// The same for the clock's mark as it is now, also while a write is under way.
void flush_request_mark(struct authorizer *authorizer);
// Writes the clock's mark and waits for the commit, for better or worse.
void flush_mark(struct authorizer *authorizer);
// Writes exact states and waits for the commit; calls must have ended.
void flush_exact(struct authorizer *authorizer);

#endif
