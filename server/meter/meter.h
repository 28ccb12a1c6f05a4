// The meters between memory and disk: a write-behind cache of the store `meters/` over the table of limit/.
//
// Owns: the table of meters, their write-behind (what limit_collect gives goes to the store's writer, together with the
// clock's high-water mark), the bound on custom subjects' records and the sweep that deletes those at rest.
// Threads: meter_decide, meter_refund, meter_note_use, meter_stats: any thread; they never block on the disk's writing.
// The scheduler's three: one thread each.
// Time: the fenced clock, whose mark is kept here.
#ifndef METER_METER_H
#define METER_METER_H

#include "base/arena.h"
#include "base/log.h"
#include "limit/limit.h"
#include "store/store.h"

struct meter_cache;

struct meter_options {
    struct store *store; // opened with meter_tables first; outlives the cache, as do the others
    struct clock *clock;
    const struct log *log;
    int32_t utc_offset_s;
    bool relaxed;            // --durability=relaxed
    bool relaxed_on_failure; // --on-store-failure=relaxed
    size_t max_resident;     // meters in memory; 0 = no bound
    uint64_t max_custom;     // records of meters of custom subjects; 0 = no custom subjects
};

// Tables of the store `meters/`.
extern const char *const meter_tables[];
extern const size_t meter_table_count;

// The clock's stored mark, before anything else is built: OK, NOT_FOUND (fresh store), DATA_LOSS, UNAVAILABLE.
STATUS_MUST_CHECK enum status meter_load_clock(struct store *store, struct clock_mark *out);

// What meter_reset_clock did.
struct meter_clock_reset {
    uint64_t old_ms;  // the daemon's time as its mark had it go on until now
    uint64_t new_ms;  // and now: the wall clock's
    uint64_t meters;  // looked at
    uint64_t dropped; // of them from later than new_ms: their limits begin afresh
};
// The only way to take the daemon's time back: after a wall clock has been far ahead and the daemon has followed it.
// For a store that nothing else uses. Meters from the future are dropped, as they would stand still until then; the
// mark is written last, so that after a failure all of it can be done again.
// Errors:
//   FAILED_PRECONDITION  the daemon's time is not ahead of the wall clock: `out` says how both stand, nothing is
//   written NOT_FOUND            there is no mark DATA_LOSS, UNAVAILABLE, RESOURCE_EXHAUSTED
STATUS_MUST_CHECK enum status meter_reset_clock(struct store *store, struct clock_source source,
                                                struct meter_clock_reset *out);

// Has the clock's mark on disk before it returns.
STATUS_MUST_CHECK enum status meter_open(const struct meter_options *options, struct meter_cache **out,
                                         struct status_note *note);
// Writes every meter's exact state, so that nothing is forfeited. Calls must have ended. NULL-safe.
void meter_close(struct meter_cache *cache);

// How bringing a call's meters into memory went.
struct meter_load {
    enum status status;       // OK before meter_decide
    struct status_note *note; // the caller's; field is relative to the call
};

// limit_decide, with meters brought into memory as needed: `arena` is for their records. After LIMIT_WAIT everything
// that was handed in may already be somebody else's. With LIMIT_ABSENT, loads[n].status says which calls' meters could
// not be brought into memory; when all say OK, they are being evicted too fast.
// Errors of a load:
//   UNAVAILABLE, DATA_LOSS  the store
//   RESOURCE_EXHAUSTED      memory, or too many meters of custom subjects
//   FAILED_PRECONDITION     there are no custom subjects here
enum limit_verdict meter_decide(struct meter_cache *cache, struct arena *arena, const struct limit_call *calls,
                                size_t count, struct limit_waiter *waiter, struct limit_answer *answers,
                                struct meter_load *loads);
// The same of limit_refund, which never waits; returns the answer's verdict.
enum limit_verdict meter_refund(struct meter_cache *cache, struct arena *arena, const struct limit_call *call,
                                struct limit_answer *answer, struct meter_load *load);

// Somebody is being answered by the daemon's time: the next meter_tick writes it down.
void meter_note_use(struct meter_cache *cache);

// For the scheduler, once a second: writes the clock's mark while in use, and follows the wall clock.
void meter_tick(struct meter_cache *cache);
// For the scheduler, once a second: records of custom subjects' meters that are at rest leave the disk, a few at a
// time; more when there are nearly max_custom. Never blocks.
void meter_sweep_custom(struct meter_cache *cache);
// For the scheduler, once a minute: meters at rest leave memory.
void meter_evict_idle(struct meter_cache *cache);

struct meter_stats {
    struct limit_table_stats limits;
    struct store_health store;
    uint32_t clock_jumps;
    uint64_t custom_meters; // records of custom subjects' meters, as last counted
};
struct meter_stats meter_stats(struct meter_cache *cache);

#endif
