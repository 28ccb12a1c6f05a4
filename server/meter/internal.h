// What the files of the room share. None calls one above it: meter.c and load.c, then write_behind.c, then fence.c and
// custom.c, then record.c.
#ifndef METER_INTERNAL_H
#define METER_INTERNAL_H

#include "base/container.h"
#include "meter/meter.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TABLE_METER, TABLE_CLOCK, TABLE_CUSTOM };

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

// One job, at most once in the writer's queue.
struct write_behind {
    struct store_job job;
    atomic_bool queued;
    atomic_bool mark_wanted; // since the last one was written
    atomic_bool stopping;
    struct arena *arena;

    // of one run
    bool has_run;
    bool is_exact; // it is the clean stop's
    bool failed;   // memory ran out while packing
    struct limit_batch *batch;
    uint64_t durable_ms;
    uint64_t promised_ms; // how far its mark is ahead of the daemon's time
    unsigned stop_skips;  // runs of the clean stop that the store did not come to

    // for whoever waits for a run
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool marked;  // a mark of this process is on disk, or cannot be written
    bool stopped; // the clean stop's run is over
};

struct meter_cache {
    struct store *store;
    struct clock *clock;
    const struct log *log;
    struct limit_table *limits;
    struct store_txn *view; // for the rare load of a meter that is not in memory
    pthread_mutex_t view_lock;
    struct custom custom;
    struct write_behind write_behind;
    atomic_uint clock_jumps;
    uint64_t wall_offset_ms; // the ticker's: where the wall clock was at its last look
    atomic_bool in_use;      // somebody was answered since the last tick
};

enum { FENCE_SLACK_MS = 1000 }; // a wall clock that is slewed, or read a little later, has not been set

// --- fence.c
// Says how the wall clock stands at the start.
void fence_begin(struct meter_cache *cache);
// Looks whether the wall clock was set since the last look.
void fence_watch_wall(struct meter_cache *cache);
// How far the next mark has to be ahead of the daemon's time for it to follow the wall clock.
uint64_t fence_promise_ms(struct meter_cache *cache);
// Follows the wall clock as far as a mark on disk has promised.
void fence_follow(struct meter_cache *cache, uint64_t promised_ms);
// Has anything carried the daemon's time since the last call? Limits, and decisions that came to none.
bool fence_take_in_use(struct meter_cache *cache);

// --- custom.c
// Which table a meter's record is in: its name begins with the subject.
unsigned custom_table(struct slice name);
bool custom_init(struct meter_cache *cache, uint64_t max_meters); // after the clock is set; false: no memory
void custom_close(struct meter_cache *cache);                     // waits for the sweep
// May a call on this name go on? FAILED_PRECONDITION: there are no custom subjects here.
STATUS_MUST_CHECK enum status custom_allow(const struct meter_cache *cache, struct slice name,
                                           struct status_note *note);
// Is there room for one more record? Asked when a meter has none. Calls at the same time may pass the bound together,
// and a meter that is in memory by then: by no more than fit there. RESOURCE_EXHAUSTED, UNAVAILABLE.
STATUS_MUST_CHECK enum status custom_admit(struct meter_cache *cache, struct store_txn *view, struct status_note *note);

// --- write_behind.c
bool write_behind_init(struct meter_cache *cache); // false: no memory
void write_behind_wipe(struct meter_cache *cache); // no run is queued any more
// Has the writer take what the limit table wants written, soon. Any thread.
void write_behind_request(struct meter_cache *cache);
// The same for the clock's mark as it is now, also while a write is under way.
void write_behind_request_mark(struct meter_cache *cache);
// Writes the clock's mark and waits for the commit, for better or worse.
void write_behind_mark(struct meter_cache *cache);
// Writes exact states and waits for the commit; calls must have ended.
void write_behind_exact(struct meter_cache *cache);

#endif
