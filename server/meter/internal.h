// What the files of the room share. A file calls only files that come later in this list: meter.c and decide.c;
// write_behind.c; clock_reset.c; sweep.c and removal.c; fence.c and custom.c; share.c; record.c.
#ifndef METER_INTERNAL_H
#define METER_INTERNAL_H

#include "base/container.h"
#include "meter/meter.h"
#include "meter/share.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TABLE_METER, TABLE_CLOCK, TABLE_CUSTOM };

// The sweep of the records of custom subjects: one job, at most once in the writer's queue.
struct sweep {
    struct store_job job;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    bool queued;
    bool stopping;
    unsigned runs_left; // how many more times it may queue itself
    struct arena *arena;
    struct limit_name next;    // where the walk goes on; size 0: at the table's beginning
    struct sweep_found *found; // what this run deletes
    size_t found_count;
    bool is_evicting; // in this round through the table somebody was near its share
    unsigned shift;   // what is evicted has used at most a 2^shift-th of its limit
};

// Meters of custom subjects. Callers can make up any number of them, so their records are counted, bounded and swept.
struct custom {
    uint64_t max_meters;  // 0: there are none
    uint64_t start_ms;    // start of this process: units that a crash has lost count as spent then
    struct shares shares; // how many there are, and who made them
    uint64_t counted_ms;  // when that was counted the last time
    struct sweep sweep;
};

// One job, at most once in the writer's queue.
struct write_behind {
    struct store_job job;
    atomic_bool queued;
    atomic_bool mark_wanted; // somebody asked for a mark since the last one was written
    atomic_bool stopping;
    struct arena *arena;

    // About one run.
    bool has_run;
    bool is_exact; // the run of the clean stop
    bool failed;   // memory ran out while packing
    struct limit_write_batch *batch;
    uint64_t durable_ms;
    uint64_t promised_ms; // how far its mark is ahead of the daemon's time
    unsigned stop_skips;  // runs of the clean stop that the store has skipped

    // For threads that wait for a run.
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool marked;  // a mark of this process is on disk, or cannot be written
    bool stopped; // the clean stop's run is over
};

struct meter_cache {
    struct store *store;
    struct clock *clock;
    const struct log *log;
    struct meter_zones zones;
    struct limit_table *limits;
    struct store_txn *view; // for the rare load of a meter that is not in memory
    pthread_mutex_t view_lock;
    struct custom custom;
    struct write_behind write_behind;
    atomic_uint clock_jumps;
    uint64_t wall_offset_ms; // the wall clock's offset at the ticker's last look
    atomic_bool in_use;      // somebody was answered since the last tick
};

enum { FENCE_SLACK_MS = 1000 }; // smaller differences come from slewing or a late reading: nobody has set the clock

// --- fence.c
// Logs how the wall clock stands at the start.
void fence_begin(struct meter_cache *cache);
// Finds out whether the wall clock was set since the last look.
void fence_watch_wall(struct meter_cache *cache);
// Returns how far the next mark has to be ahead of the daemon's time, so that this may follow the wall clock.
uint64_t fence_promise_ms(struct meter_cache *cache);
// Follows the wall clock as far as a mark on disk has promised.
void fence_follow(struct meter_cache *cache, uint64_t promised_ms);

// --- custom.c
// Returns the table of a meter's record: the name begins with the subject.
unsigned custom_table(struct slice name);
// Counts the records in `txn`, of nobody else's making at that time, as those of their makers.
// Errors:
//   RESOURCE_EXHAUSTED  memory is out
//   UNAVAILABLE         the store cannot be read
STATUS_MUST_CHECK enum status custom_count(struct meter_cache *cache, struct store_txn *txn);
void custom_init(struct meter_cache *cache, uint64_t max_meters); // after the clock is set
void custom_wipe(struct meter_cache *cache);
// May a call on this name go on?
// Errors: FAILED_PRECONDITION when the name is a custom subject's, and this daemon has none.
STATUS_MUST_CHECK enum status custom_allow(const struct meter_cache *cache, struct slice name,
                                           struct status_failure *failure);
// Is there room for one more record, of this name and maker? Then it is promised. It is asked when a meter has none:
// when it comes into memory, and before each charge until one is written. Under cache->view_lock.
// Errors:
//   RESOURCE_EXHAUSTED  there are as many records as allowed, or as this caller's share; load->retry_after_ms is set
//   UNAVAILABLE         the store cannot be read
STATUS_MUST_CHECK enum status custom_admit(struct meter_cache *cache, uint32_t maker, struct slice name,
                                           struct meter_load *load);
// Puts or deletes the record of a meter in the writer's transaction, and keeps the counts. `bytes` empty: deletes it.
void custom_write(struct meter_cache *cache, struct store_txn *txn, struct slice name, uint32_t maker,
                  struct slice bytes);

// --- sweep.c
bool sweep_init(struct meter_cache *cache);  // false: no memory
void sweep_close(struct meter_cache *cache); // waits for it

// --- write_behind.c
bool write_behind_init(struct meter_cache *cache); // false: no memory
void write_behind_wipe(struct meter_cache *cache); // no run is queued any more
// Asks the writer to take soon what the limit table wants written. Any thread.
void write_behind_request(struct meter_cache *cache);
// Asks it to write the clock's mark as it is now; also valid while a write is under way.
void write_behind_request_mark(struct meter_cache *cache);
// Writes the clock's mark and waits for the commit, whether that succeeds or not.
void write_behind_mark(struct meter_cache *cache);
// Writes exact states and waits for the commit; calls must have ended.
void write_behind_exact(struct meter_cache *cache);

#endif
