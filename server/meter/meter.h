// The meters between memory and disk: a write-behind cache of the store `meters/` over the table of limit/.
//
// Owns: the table of meters, their write-behind (it hands limit_collect's batches to the store's writer, together with
// the clock's mark), the bound on custom subjects' records with each caller's share of it, and the sweep that deletes
// those at rest.
// Threads: meter_decide, meter_note_use, meter_stats: any thread; they never wait for a write to disk.
// meter_tick, meter_sweep_custom, meter_evict_idle: each by one thread at a time.
// Time: the fenced clock, whose mark is kept here.
#ifndef METER_METER_H
#define METER_METER_H

#include "base/arena.h"
#include "base/log.h"
#include "limit/limit.h"
#include "store/store.h"

struct meter_cache;

// Where calendar periods begin.
struct meter_zones {
    struct zone_table *table;        // finds those of records; NULL: all are the installation's
    const struct zone *installation; // for all that have none of their own
};

struct meter_options {
    struct store *store; // opened with meter_tables first; outlives the cache, as do the others
    struct clock *clock;
    const struct log *log;
    struct meter_zones zones;
    bool relaxed;            // --durability=relaxed
    bool relaxed_on_failure; // --on-store-failure=relaxed
    size_t max_resident;     // meters in memory; 0 = no bound
    uint64_t max_custom;     // records of meters of custom subjects; 0 = no custom subjects
};

// Tables of the store `meters/`.
extern const char *const meter_tables[];
extern const size_t meter_table_count;

// Reads the clock's stored mark, before anything else is built.
// Errors:
//   NOT_FOUND           the store is fresh
//   DATA_LOSS           the mark does not decode
//   UNAVAILABLE         the store cannot be read
//   RESOURCE_EXHAUSTED  memory or the store's readers are out
STATUS_MUST_CHECK enum status meter_load_clock(struct store *store, struct clock_mark *out);

// What meter_reset_clock did.
struct meter_clock_reset {
    uint64_t old_ms;  // the daemon's time before the reset
    uint64_t new_ms;  // the daemon's time after it, which is the wall clock's
    uint64_t meters;  // how many were looked at
    uint64_t dropped; // how many of them were from later than new_ms: their limits begin afresh
};
// Takes the daemon's time back after the daemon has followed a wall clock that was far ahead; there is no other way.
// Nothing else may use the store. It drops meters from the future, because they would stand still until then, and
// writes the mark last, so that it can be repeated after a failure.
// Errors:
//   FAILED_PRECONDITION  the daemon's time is not ahead of the wall clock: `out` has both times, nothing is written
//   NOT_FOUND            there is no mark
//   others               as meter_load_clock and store_run
STATUS_MUST_CHECK enum status meter_reset_clock(struct store *store, struct clock_source source,
                                                struct meter_clock_reset *out);

// Opens the cache. It writes the clock's mark and waits for the commit, whether that succeeds or not.
// Errors:
//   RESOURCE_EXHAUSTED  memory or the store's readers are out
//   UNAVAILABLE         the store cannot be read
STATUS_MUST_CHECK enum status meter_open(const struct meter_options *options, struct meter_cache **out,
                                         struct status_failure *failure);
// Writes every meter's exact state, so that nothing is forfeited. Calls must have ended. NULL-safe.
void meter_close(struct meter_cache *cache);

// How bringing a call's meters into memory went.
struct meter_load {
    enum status status;             // OK before meter_decide
    struct status_failure *failure; // belongs to the caller; field is relative to the call
    // With RESOURCE_EXHAUSTED, of a custom subject: when there may be room, and for programs whose share is used up
    // ("SHARE_USED_UP"); 0 and NULL otherwise.
    uint32_t retry_after_ms;
    const char *status_reason;
};

// Does limit_decide, or limit_settle of one call where its mode says so, and brings meters into memory as needed;
// `arena` holds their records. After LIMIT_WAIT, everything that was handed in may already belong to another thread.
// With LIMIT_ABSENT, loads[n].status says which calls' meters could not be brought into memory; when all say OK, they
// are being evicted too fast.
// Errors of a load:
//   UNAVAILABLE          the store cannot be read
//   DATA_LOSS            the meter's record does not decode
//   RESOURCE_EXHAUSTED   memory is out, or there are too many meters in memory or of custom subjects
//   FAILED_PRECONDITION  this daemon has no custom subjects
enum limit_verdict meter_decide(struct meter_cache *cache, struct arena *arena, const struct limit_call *calls,
                                size_t count, struct limit_waiter *waiter, struct limit_answer *answers,
                                struct meter_load *loads);

// Notes that an answer has used the daemon's time, so that the next meter_tick writes the clock's mark.
void meter_note_use(struct meter_cache *cache);

// Writes the clock's mark while it is in use, and follows the wall clock. For the scheduler, once a second.
void meter_tick(struct meter_cache *cache);
// Deletes records of custom subjects' meters that are at rest, a few at a time; more when there are nearly max_custom,
// and then also those that cost least to forget of callers who are over their share.
// Never blocks. For the scheduler, once a second.
void meter_sweep_custom(struct meter_cache *cache);
// Removes a custom subject: all its records, and what memory knows of it.
struct meter_removal {
    struct slice subject; // namespace, NUL, identifier: at most 200 bytes, which stay until `done`
    // Called on the writer's thread, or at once when memory is out. After it nothing of the subject is spent any more,
    // and what was charged before is not known by its id.
    // Errors:
    //   UNAVAILABLE         the commit failed: some or all of it may be removed
    //   RESOURCE_EXHAUSTED  memory is out: likewise
    void (*done)(struct meter_removal *removal, enum status status);
    uint64_t records; // how many there were
};
// Any thread; never blocks.
void meter_remove_custom(struct meter_cache *cache, struct meter_removal *removal);
// Takes meters at rest out of memory. For the scheduler, once a minute.
void meter_evict_idle(struct meter_cache *cache);

struct meter_stats {
    struct limit_table_stats limits;
    struct store_health store;
    uint32_t clock_jumps;
    uint64_t custom_meters; // records of custom subjects' meters, as last counted
    uint64_t custom_makers; // callers who made them
};
struct meter_stats meter_stats(struct meter_cache *cache);

#endif
